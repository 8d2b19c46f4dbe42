"""The way from LR to HR: colours, ensemble, sizes, precision."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from srlab.imaging.color import rgb_to_ycbcr
from srlab.imaging.resize import imresize
from srlab.imaging.symmetries import orient, undo
from srlab.imaging.symmetries import orient as orient_array
from srlab.inference.tiling import padded, tiled
from srlab.inference.upscale import describe_input, upscale
from srlab.methods import find_method
from srlab.networks.network import SRNetwork, Traits


def method(key: str, **network):
    torch.manual_seed(0)
    return find_method(key)(network).eval()


LR = torch.rand(1, 3, 14, 11, generator=torch.Generator().manual_seed(0)) * 0.5 + 0.25


def test_a_luma_method_on_rgb_gives_its_y_and_bicubic_colour():
    vdsr = method("vdsr", features=4, depth=3)
    nn.init.normal_(vdsr.network.layers[-1].weight, std=0.01)
    sr = rgb_to_ycbcr(vdsr.upscale(LR, 2))
    y = vdsr.upscale(rgb_to_ycbcr(LR)[:, :1], 2)
    torch.testing.assert_close(sr[:, :1], y, atol=1e-5, rtol=0)
    torch.testing.assert_close(sr[:, 1:], imresize(rgb_to_ycbcr(LR)[:, 1:], 2), atol=1e-5, rtol=0)
    assert describe_input(vdsr.traits, 3) and not describe_input(vdsr.traits, 1)


def test_an_rgb_method_on_one_channel_sees_it_replicated():
    edsr = method("edsr", scale=2, features=4, blocks=1)
    sr = edsr.upscale(LR[:, :1], 2)
    torch.testing.assert_close(sr, edsr.upscale(LR[:, :1].expand(-1, 3, -1, -1), 2).mean(dim=1, keepdim=True))
    assert describe_input(edsr.traits, 1) and not describe_input(edsr.traits, 3)


def test_ensemble_is_the_mean_over_eight_orientations():
    edsr = method("edsr", scale=2, features=4, blocks=1)
    variants = []
    for transposed in (False, True):
        for turns in range(4):
            lr = torch.rot90(LR.transpose(2, 3) if transposed else LR, turns, (2, 3))
            sr = torch.rot90(edsr.network(lr, 2), -turns, (2, 3))
            variants.append(sr.transpose(2, 3) if transposed else sr)
    expected = torch.stack(variants).mean(dim=0).clamp(0, 1)
    torch.testing.assert_close(edsr.upscale(LR, 2, ensemble=True), expected)


def test_ensemble_changes_nothing_for_a_symmetric_method():
    bicubic = method("interpolation", kernel="bicubic")
    torch.testing.assert_close(bicubic.upscale(LR, 3, ensemble=True), bicubic.upscale(LR, 3))


@pytest.mark.parametrize("transform", range(8))
def test_undo_inverts_orient(transform):
    assert torch.equal(undo(orient(LR, transform), transform), LR)


@pytest.mark.parametrize("transform", range(8))
def test_patches_and_the_ensemble_number_the_orientations_alike(transform):
    assert torch.equal(orient(LR, transform), torch.from_numpy(orient_array(LR.numpy(), transform).copy()))


def test_tiles_cover_every_pixel_once():
    """A forward that only enlarges: whatever the overlap, the result is the enlarged image."""
    for tile, overlap in ((4, 0), (5, 2), (20, 3), (1, 1)):
        result = tiled(lambda x: imresize(x, 3, "nearest"), 3, tile, overlap)(LR)
        assert torch.equal(result, imresize(LR, 3, "nearest"))


def test_padding_brings_sides_to_a_multiple_and_back():
    seen = []

    def forward(x):
        seen.append(x.shape[2:])
        return imresize(x, 2, "nearest")

    result = padded(forward, 2, 8)(LR)
    assert seen == [(16, 16)] and torch.equal(result, imresize(LR, 2, "nearest"))


def test_batch_norm_goes_by_its_statistics_and_the_mode_is_restored():
    net = method("srresnet", scale=2, features=4, blocks=1)
    expected = net.upscale(LR, 2)
    net.train()
    assert torch.equal(net.upscale(LR, 2), expected) and net.network.training
    assert all(int(m.num_batches_tracked) == 0 for m in net.modules() if isinstance(m, nn.BatchNorm2d))


def test_bf16_is_close_and_returns_float32():
    edsr = method("edsr", scale=2, features=8, blocks=2)
    low = edsr.upscale(LR, 2, precision="bf16")
    assert low.dtype == torch.float32
    assert 0 < (low - edsr.upscale(LR, 2)).abs().max() < 0.05


def test_averaged_weights_are_the_ones_used():
    torch.manual_seed(0)
    recipe = {"name": "a", "loss": {"l1": {"weight": 1.0}}, "ema": 0.5}
    edsr = find_method("edsr")({"scale": 2, "features": 4, "blocks": 1}, recipe)
    before = edsr.upscale(LR, 2)
    nn.init.zeros_(edsr.network.head.weight)
    assert torch.equal(edsr.upscale(LR, 2), before)


class Convolved(SRNetwork):
    """One convolution to scale^2 times as many channels, and a pixel shuffle; what it computes in is noted."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer, self.dtypes = layer, list[torch.dtype]()
        self.traits = Traits((2,), 3, receptive_field=1)

    def forward(self, lr, scale, condition=None):
        made = self.layer(lr)
        self.dtypes.append(made.dtype)
        return F.pixel_shuffle(made, 2) if made.shape[1] == 12 else made


@pytest.mark.parametrize("layer", [nn.Conv2d(3, 12, 3, padding=1), nn.ConvTranspose2d(3, 3, 4, 2, 1)])
def test_convolutions_of_images_are_in_float32_under_bf16(layer):
    network = Convolved(layer)
    low, full = (upscale(network, LR, 2, precision=precision) for precision in ("bf16", "32"))
    assert torch.equal(low, full)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(upscale(network, LR, 2, precision="inherit"), full)
        network.train()(LR, 2)
    assert network.dtypes == [torch.float32] * 3 + [torch.bfloat16]


def test_convolutions_inside_are_in_bf16():
    inside = nn.Conv2d(8, 8, 3, padding=1)
    network = Convolved(nn.Sequential(nn.Conv2d(3, 8, 1), inside, nn.Conv2d(8, 12, 1)))
    seen = []
    inside.register_forward_hook(lambda module, given, made: seen.append(made.dtype))
    upscale(network, LR, 2, precision="bf16")
    upscale(network, LR, 2)
    assert seen == [torch.bfloat16, torch.float32] and network.dtypes == [torch.float32] * 2


def test_outputs_in_float32_are_the_networks_own():
    edsr = method("edsr", scale=2, features=8, blocks=2)
    with torch.inference_mode():
        assert torch.equal(edsr.upscale(LR, 2), edsr.network(LR, 2).clamp(0, 1))
