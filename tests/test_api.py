"""`import srlab`: loading by name and by path, and answers in kind."""

import inspect
import subprocess
import sys
from dataclasses import fields

import numpy as np
import pytest
import pyvips
import torch
from helpers import write_image
from PIL import Image
from programs import environment

import srlab
from srlab.data.photos import photo
from srlab.imaging.files import to_array, to_tensor
from srlab.inference.upscaler import Settings
from srlab.networks import NETWORKS
from srlab.weights import zoo
from srlab.weights.checkpoint import write_checkpoint
from srlab.weights.files import write_state

HEAVY = ["pytorch_lightning", "torchvision", "scipy", "omegaconf", "hydra", "huggingface_hub", "spandrel"]


@pytest.fixture(scope="module")
def network() -> srlab.Network:
    return srlab.load("edsr_baseline", scale=2, precision="32")


@pytest.fixture(scope="module")
def small() -> np.ndarray:
    return np.ascontiguousarray(photo("astronaut")[100:120, 200:224])


@pytest.fixture(scope="module")
def expected(small) -> np.ndarray:
    """By the network itself, without anything around it."""
    own = NETWORKS["edsr"](scale=2)
    own.load_state_dict(zoo.state("edsr_baseline_x2"))
    with torch.no_grad():
        return own.eval()(to_tensor(small), 2).clamp(0, 1)[0].permute(1, 2, 0).numpy()


def close(image, expected: np.ndarray) -> bool:
    """uint8 as rounded from floating point, but for values near a half."""
    values = np.asarray(image)
    return values.shape == expected.shape and bool(np.abs(values - expected * 255).max() <= 0.5 + 1e-2)


def test_an_array_of_bytes(network, small, expected):
    sr = network(small)
    assert sr.dtype == np.uint8 and close(sr, expected)


def test_arrays_of_other_types(network, small, expected):
    wide = network(small.astype(np.uint16) * 257)
    assert wide.dtype == np.uint16 and np.abs(wide / 65535 - expected).max() < 1e-4
    for dtype, error in ((np.float32, 1e-4), (np.float64, 1e-4), (np.float16, 1e-2)):
        sr = network((small / 255).astype(dtype))
        assert sr.dtype == dtype and np.abs(sr - expected).max() < error


def test_a_view_of_another_byte_order_and_with_negative_strides(network, small, expected):
    wide = (small.astype(">u2") * 257)[::-1][::-1]
    assert np.abs(network(wide) / 65535 - expected).max() < 1e-4
    with np.errstate(all="raise"):
        assert np.array_equal(network(small[::-1]), network(small[::-1].copy()))


def test_grey_stays_grey(network, small):
    grey = small[..., 0]
    assert network(grey).shape == (40, 48)
    assert network(grey[..., None]).shape == (40, 48, 1)
    assert network(Image.fromarray(grey)).mode == "L"


def test_a_batch(network, small, expected):
    lr = torch.cat([to_tensor(small), to_tensor(small).flip(-1)])
    sr = network(lr)
    assert sr.shape == (2, 3, 40, 48) and sr.dtype == torch.float32 and not sr.is_inference()
    assert np.abs(sr[0].permute(1, 2, 0).numpy() - expected).max() < 1e-4
    assert torch.allclose(network((lr * 255).round().to(torch.uint8)).float() / 255, sr, atol=0.5 / 255 + 1e-4)
    assert network(lr.double()).dtype == torch.float64
    assert network(lr, scale=1.5).shape == (2, 3, 30, 36)


def test_a_pil_image_and_a_path(network, small, expected, tmp_path):
    image = Image.fromarray(small)
    image.info["icc_profile"] = b"a profile"
    sr = network(image)
    assert sr.mode == "RGB" and close(sr, expected) and sr.info["icc_profile"] == b"a profile"
    write_image(tmp_path / "a.png", small)
    network(tmp_path / "a.png").save(tmp_path / "large.png")
    assert np.array_equal(np.asarray(Image.open(tmp_path / "large.png")), np.asarray(sr))
    assert network(str(tmp_path / "a.png")).size == (48, 40)


def test_a_photo_is_turned_upright(network, small, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: turn by 90 degrees, clockwise
    Image.fromarray(small).save(tmp_path / "turned.jpg", exif=exif, quality=95)
    with Image.open(tmp_path / "turned.jpg") as stored:
        upright = np.rot90(np.asarray(stored), 3)
    assert np.array_equal(np.asarray(network(tmp_path / "turned.jpg")), network(np.ascontiguousarray(upright)))


def test_photos_of_16_bits(network, small, tmp_path):
    """PIL has 16 bits in grey alone."""
    grey, rgb = tmp_path / "grey.png", tmp_path / "rgb.png"
    Image.fromarray(small[..., 0].astype(np.uint16) * 257).save(grey)
    pyvips.Image.new_from_array(small.astype(np.uint16) * 257, interpretation="rgb16").write_to_file(str(rgb))
    assert network(grey).mode == "I;16"
    assert np.array_equal(np.asarray(network(grey)), network(small[..., 0].astype(np.uint16) * 257))
    assert np.array_equal(np.asarray(network(rgb)), network(small))


@pytest.mark.parametrize(
    ("mode", "result"),
    [("1", "L"), ("L", "L"), ("P", "RGB"), ("RGB", "RGB"), ("LA", "LA"), ("RGBA", "RGBA"), ("CMYK", "RGB")],
)
def test_modes_of_pil(network, small, mode, result):
    sr = network(Image.fromarray(small).convert(mode))
    assert (sr.mode, sr.size) == (result, (48, 40))


def test_a_palette_with_transparency_and_16_bits(network, small):
    palette = Image.fromarray(small).convert("P")
    palette.info["transparency"] = 0
    assert network(palette).mode == "RGBA"
    wide = Image.fromarray(small[..., 0].astype(np.uint16) * 257)
    assert wide.mode == "I;16" and network(wide).mode == "I;16"
    assert np.array_equal(np.asarray(network(wide)), network(np.asarray(wide)))


def test_colours_of_an_opaque_image_are_those_without_alpha(network, small):
    opaque = np.dstack([small, np.full(small.shape[:2], 255, np.uint8)])
    sr = np.asarray(network(Image.fromarray(opaque)))
    assert np.array_equal(sr[..., :3], network(small)) and (sr[..., 3] == 255).all()


def test_what_is_behind_transparent_pixels_does_not_show_at_edges():
    """White on transparent black: half-transparent edges are white, not grey."""
    image = np.zeros((16, 16, 4), np.uint8)
    image[4:12, 4:12] = 255
    sr = np.asarray(srlab.load("bicubic")(Image.fromarray(image), 3)).astype(int)
    visible = sr[..., 3] >= 16
    assert visible.any() and sr[visible][:, :3].min() >= 250


def test_sizes(network, small):
    assert network(small, scale=1.3).shape == (26, 31, 3)
    assert network(small, size=(30, 40)).shape == (40, 30, 3)
    assert srlab.load("bicubic", 2.5)(small).shape == (50, 60, 3)


def test_a_result_between_two_scales_is_the_larger_one_shrunk(network, small):
    large = to_tensor(network(small.astype(np.float32) / 255))
    from srlab.imaging.resize import imresize_to

    assert np.abs(network(small, 1.5).astype(int) - to_array(imresize_to(large, 30, 36).clamp(0, 1))).max() <= 1


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda n, a: n(a, 3), "enlarges by 2 at most"),
        (lambda n, a: n(a, scale=0), "scale=0: expected a number above 0"),
        (lambda n, a: n(a, 2, size=(3, 3)), "both are given"),
        (lambda n, a: n(a, size=(3, 0)), "size=(3, 0)"),
        (lambda n, a: n(a.astype(np.float32)), "expected finite values in [0, 1]. Divide"),
        (lambda n, a: n(np.full((4, 4), np.nan)), "from nan"),
        (lambda n, a: n(a.astype(np.int64)), "int64: expected uint8"),
        (lambda n, a: n(np.dstack([a, a[..., 0]])), "For alpha, pass a PIL image"),
        (lambda n, a: n(a[0, 0]), "array of shape (3,)"),
        (lambda n, a: n(a[:0]), "array of shape (0, 24, 3)"),
        (lambda n, a: n(torch.zeros(3, 4, 4)), "tensor of shape (3, 4, 4)"),
        (lambda n, a: n(torch.zeros(1, 3, 4, 4, dtype=torch.int32)), "torch.int32: expected"),
        (lambda n, a: n(Image.fromarray(a[..., 0].astype(np.float32))), "mode F"),
        (lambda n, a: n("nowhere.png"), "nowhere.png: no such"),
    ],
)
def test_mistakes_are_one_line(network, small, call, words):
    with pytest.raises(srlab.SrlabError) as error:
        call(network, small)
    assert words in str(error.value) and "\n" not in str(error.value)


def test_something_else_than_an_image(network):
    with pytest.raises(TypeError, match="list: expected a path, a PIL image"):
        network([1, 2])


def test_what_a_network_says_of_itself(network):
    assert repr(network) == "<srlab.Network edsr_baseline_x2: x2>"
    assert (network.label, network.scales, network.scale) == ("edsr_baseline_x2", (2,), 2)
    assert repr(srlab.load("bicubic")) == "<srlab.Network bicubic: any scale>"
    with pytest.raises(srlab.SrlabError, match=r"vdsr: takes any scale\. Say scale= or size="):
        srlab.load("vdsr")(np.zeros((4, 4), np.uint8))


def test_names_choose_the_smallest_scale_that_is_enough():
    assert srlab.load("edsr_baseline", 2.5).label == "edsr_baseline_x3"
    assert srlab.load("pretrained:srcnn_x2").label == "srcnn_x2"
    with pytest.raises(srlab.SrlabError, match=r"edsr_baseline: comes with srlab for x2, x3, x4, a network each"):
        srlab.load("edsr_baseline")
    with pytest.raises(srlab.SrlabError, match="less than x5"):
        srlab.load("edsr_baseline", 5)
    with pytest.raises(srlab.SrlabError, match="srresnet_x4: has x4, which is less than x6"):
        srlab.load("srresnet_x4", 6)


def test_files(tmp_path, small):
    torch.manual_seed(0)
    own = NETWORKS["edsr"](scale=2, features=8, blocks=2, residual_scale=0.3)
    run = tmp_path / "my_run"
    arguments = {"scale": 2, "features": 8, "blocks": 2, "residual_scale": 0.3}
    state = {f"network.{key}": value for key, value in own.state_dict().items()}
    write_checkpoint(run / "checkpoints" / "best.ckpt", "edsr", {"network": arguments, "recipe": None}, state)
    (run / "config.yaml").write_text("")
    with torch.no_grad():
        direct = to_array(own(to_tensor(small), 2).clamp(0, 1))
    for source in (run, run / "checkpoints" / "best.ckpt"):
        network = srlab.load(source, precision="32")
        assert network.label == "my_run" and np.abs(network(small).astype(int) - direct).max() <= 1
    write_state(own.state_dict(), tmp_path / "bare.pth")
    with pytest.warns(UserWarning, match=r"do not show residual_scale=1.0, which is assumed.*residual_scale=VALUE"):
        assert srlab.load(tmp_path / "bare.pth").scales == (2,)


def test_weights_that_fit_every_scale(tmp_path):
    write_state(NETWORKS["fsrcnn"](scale=3).state_dict(), tmp_path / "fsrcnn.pth")
    assert srlab.load(tmp_path / "fsrcnn.pth", 3).scales == (3,)
    with pytest.raises(srlab.SrlabError, match=r"fit every scale\. Say scale=N"):
        srlab.load(tmp_path / "fsrcnn.pth")


def test_nothing_of_that_name():
    with pytest.raises(srlab.SrlabError, match=r"edsr_baselin: no such file.*Did you mean 'edsr_baseline_x\d'"):
        srlab.load("edsr_baselin")


def test_loading_imports_neither_lightning_nor_other_heavy_packages(tmp_path, small):
    write_image(tmp_path / "a.png", small)
    code = (
        f"import srlab, sys; assert 'torch' not in sys.modules; "
        f"srlab.load('edsr_baseline', 2)({str(tmp_path / 'a.png')!r}); "
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_options_of_load_are_the_settings():
    options = inspect.signature(srlab.load).parameters
    given = {name: option.default for name, option in options.items() if option.kind is option.KEYWORD_ONLY}
    assert given == {field.name: field.default for field in fields(Settings)}


def test_the_face_lists_what_it_offers():
    assert {"load", "Network", "SrlabError", "__version__"} <= set(dir(srlab))
    with pytest.raises(AttributeError, match="module 'srlab' has no attribute 'lode'"):
        srlab.lode  # noqa: B018
