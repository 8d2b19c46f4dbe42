"""A network that is ready for use: tiles, bands, sizes and memory give the image that the network itself gives."""

import warnings

import pytest
import torch
from torch import nn

from srlab.errors import SrlabError
from srlab.imaging.resize import imresize, imresize_to
from srlab.inference import upscaler as module
from srlab.inference.memory import _LiveBytes, is_out_of_memory
from srlab.inference.upscale import upscale
from srlab.inference.upscaler import Settings, Upscaler
from srlab.networks import NETWORKS
from srlab.networks.network import SRNetwork, Traits

HEIGHT, WIDTH = 61, 45


class Rows:
    """An image in memory of which every row may be read once, from top to bottom."""

    def __init__(self, image: torch.Tensor) -> None:
        self.image, self.read = image, 0
        self.channels, self.height, self.width = image.shape[1:]

    def rows(self, top, bottom):
        assert top == self.read < bottom <= self.height
        self.read = bottom
        return self.image[:, :, top:bottom]


class Measured(SRNetwork):
    """Enlarges by nearest neighbour, notes the sizes that it sees, and may run out of memory."""

    def __init__(self, scales=(2,), field=3, largest=10**9, error=None) -> None:
        super().__init__()
        self.traits = Traits(scales, None, receptive_field=field)
        self.largest, self.error, self.seen = largest, error, []

    def forward(self, lr, scale, condition=None):
        if lr.shape[-2] * lr.shape[-1] > self.largest:
            raise self.error
        self.seen.append(tuple(lr.shape))
        return imresize(lr, scale, "nearest")

    def __deepcopy__(self, memo):
        return self  # so that a test sees what its folded copy sees


def image(channels=3, height=HEIGHT, width=WIDTH):
    return torch.rand(1, channels, height, width, generator=torch.Generator().manual_seed(0))


def network(key, **options):
    torch.manual_seed(0)
    made = NETWORKS[key](**{**NETWORKS[key].tiny, **options}).eval()
    for parameter in made.parameters():  # some start with zeros, which would hide what they compute
        if parameter.dim() == 1:
            nn.init.normal_(parameter, std=0.05)
    return made


def bands_of(made, lr, height, width, on_progress=None, **settings):
    settings = {"device": "cpu", "precision": "32", **settings}
    return list(Upscaler(made, "it", Settings(**settings)).bands(Rows(lr), height, width, on_progress))


CASES = [
    ("edsr", {"scale": 2}, 2),
    ("edsr", {"scale": 3}, 3),
    ("fsrcnn", {"scale": 2}, 2),
    ("vdsr", {}, 3),
    ("lapsrn", {"scale": 4}, 3),
    ("dsrn", {"scale": 2}, 2),
    ("interpolation", {}, 2),
]


@pytest.mark.parametrize(("key", "options", "scale"), CASES)
@pytest.mark.parametrize("channels", [1, 3])
def test_bands_equal_the_whole(key, options, scale, channels):
    made, lr = network(key, **options), image(channels)
    whole = upscale(made, lr, scale)
    bands = bands_of(made, lr, HEIGHT * scale, WIDTH * scale, tile=16)
    assert len(bands) == 4 and all(not band.is_inference() for band in bands)
    torch.testing.assert_close(torch.cat(bands, dim=2), whole, rtol=0, atol=1e-5)


@pytest.mark.parametrize("to", [(100, 70), (61, 45), (62, 90), (122, 46), (20, 20)])
@pytest.mark.parametrize("key", ["edsr", "fsrcnn"])
def test_any_size_is_the_whole_shrunken_by_bicubic(key, to):
    made, lr = network(key, scale=2), image()
    grows = to[0] > HEIGHT or to[1] > WIDTH
    whole = upscale(made, lr, 2) if grows else lr
    expected = whole if whole.shape[2:] == to else imresize_to(whole, *to).clamp(0, 1)
    got = torch.cat(bands_of(made, lr, *to, tile=16), dim=2)
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-5)


def test_what_no_scale_reaches_takes_several_passes():
    made, lr = network("edsr", scale=2), image(height=20, width=18)
    whole = upscale(made, upscale(made, upscale(made, lr, 2), 2), 2)
    got = torch.cat(bands_of(made, lr, 100, 90, tile=8), dim=2)
    torch.testing.assert_close(got, imresize_to(whole, 100, 90).clamp(0, 1), rtol=0, atol=2e-5)


@pytest.mark.parametrize("settings", [{"tile": 16}, {"tile": None}, {"tile": "auto"}, {"fold": False}])
def test_a_batch_gives_what_upscale_gives(settings):
    made, lr = network("edsr", scale=2), torch.rand(3, 3, 30, 21)
    got = Upscaler(made, "it", Settings(device="cpu", precision="32", **settings)).tensor(lr, 2)
    torch.testing.assert_close(got, upscale(made, lr, 2), rtol=0, atol=1e-5)


def test_the_ensemble_is_that_of_the_whole():
    made, lr = network("edsr", scale=2), image()
    got = torch.cat(bands_of(made, lr, HEIGHT * 2, WIDTH * 2, tile=16, ensemble=True), dim=2)
    torch.testing.assert_close(got, upscale(made, lr, 2, ensemble=True), rtol=0, atol=1e-5)


def test_no_row_is_read_before_it_is_needed():
    made, rows = Measured(), Rows(image(height=640))
    bands = Upscaler(made, "it", Settings(device="cpu", tile=16)).bands(rows, 1280, WIDTH * 2)
    assert rows.read == 0
    next(bands)
    assert rows.read == 64  # 16 and an overlap of 3, read by 64
    assert sum(1 for _ in bands) == 39 and rows.read == 640


class Noise(Rows):
    """An image that is not in memory."""

    def __init__(self, height) -> None:
        self.channels, self.height, self.width = 3, height, 40

    def rows(self, top, bottom):
        return torch.rand(1, 3, bottom - top, self.width)


def peak_of(height):
    """Bytes of all tensors that are alive at once."""
    bands = Upscaler(Measured(), "it", Settings(device="cpu", tile=32)).bands(Noise(height), int(height * 1.5), 60)
    with _LiveBytes() as live:
        for band in bands:
            del band
    return live.peak


def test_memory_does_not_grow_with_the_height():
    assert peak_of(4000) < 1.05 * peak_of(400)


def test_progress_rises_to_one():
    told = []
    bands_of(Measured(), image(), 3 * HEIGHT, 3 * WIDTH, told.append, tile=32)  # x2 and x2
    assert told == sorted(told) and told[-1] == 1 and len(told) == 2 * 2 + 4 * 3
    assert 0 < told[0] < 0.3


ERRORS = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: you tried"),
    RuntimeError("could not create a memory object"),
    MemoryError(),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_out_of_memory_halves_the_tile_and_says_so_once(error):
    made, lr = Measured(largest=40 * 40, error=error), image(height=100, width=90)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        got = torch.cat(bands_of(made, lr, 200, 180, tile=None), dim=2)
    assert torch.equal(got, imresize(lr, 2, "nearest"))
    (warning,) = caught
    assert "tiles of 100 LR pixels" in str(warning.message) and "tile=50" in str(warning.message)
    assert max(height * width for *_, height, width in made.seen) <= 40 * 40


def test_memory_that_suffices_for_nothing_is_one_line():
    made = Measured(largest=10, error=MemoryError("no more"))
    with pytest.warns(UserWarning, match="does not suffice"), pytest.raises(SrlabError, match=r"it: .* no more"):
        bands_of(made, image(), 2 * HEIGHT, 2 * WIDTH, tile=None)


def test_another_error_is_not_taken_for_it():
    with pytest.raises(RuntimeError, match="shapes differ"):
        bands_of(Measured(largest=1, error=RuntimeError("shapes differ")), image(), 2 * HEIGHT, 2 * WIDTH)


def test_the_allocators_own_error_is_known():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)


def test_a_network_that_sees_everything_warns_where_tiles_change_it():
    class Mean(Measured):
        def forward(self, lr, scale, condition=None):
            return super().forward(lr, scale) + 0.1 * lr.mean(dim=(2, 3), keepdim=True)

    lr = torch.linspace(0.2, 0.7, 96).expand(1, 3, 40, 96).contiguous()
    with pytest.warns(UserWarning, match="tile=16: looker looks at the whole image"):
        Upscaler(Mean(field=None), "looker", Settings(device="cpu", tile=16)).tensor(lr, 2)


def test_precision_is_bf16_where_it_is_fast(monkeypatch):
    made, lr = network("edsr", scale=2), image()
    full = upscale(made, lr, 2)
    monkeypatch.setattr(module, "has_fast_bf16", lambda kind: True)
    fast = Upscaler(made, "it", Settings(device="cpu"))
    assert fast.precision == "bf16"
    assert 0 < (fast.tensor(lr, 2) - full).abs().max() < 0.05
    monkeypatch.setattr(module, "has_fast_bf16", lambda kind: False)
    assert fast.precision == "32" and Upscaler(made, "it", Settings(precision="bf16")).precision == "bf16"


def test_the_network_itself_is_kept_and_not_changed():
    made = network("srresnet", scale=2)
    upscaler = Upscaler(made, "it", Settings(device="cpu"))
    assert upscaler.network is made and any(isinstance(layer, nn.BatchNorm2d) for layer in made.modules())


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ({"tile": 0}, r"tile=0: expected auto, null, or a number"),
        ({"tile": "large"}, r"tile=large: expected auto"),
        ({"precision": "8"}, r"precision=8: expected auto, 32, bf16, 16"),
        ({"engine": "tvm"}, r"engine=tvm: expected torch, onnxruntime, openvino"),
        ({"device": "tpu"}, r"device=tpu: expected auto, cpu, cuda"),
    ],
)
def test_settings_that_there_are_not(setting, told):
    with pytest.raises(SrlabError, match=told):
        Upscaler(Measured(), "it", Settings(**setting))
