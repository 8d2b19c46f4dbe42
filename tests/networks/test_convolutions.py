"""The kinds of convolution in EDSR's residual blocks: what they compute, cost and show in their files."""

import pytest
import torch
from helpers import build
from torch.nn import functional as F

from srlab.errors import SrlabError
from srlab.methods import find_method
from srlab.networks.layers import Upsampler, convolution_of, normalization
from srlab.networks.wdsr import WDSRNetwork
from srlab.weights.conversion import convert
from srlab.weights.recognition import recognise

KINDS = ["plain", "dilated", "grouped", "depthwise_separable"]


def by_hand(kind: str, layer: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    if kind == "plain":
        return F.conv2d(x, layer.weight, layer.bias, padding=1)
    if kind == "dilated":  # a 5x5 kernel of which every second tap is zero
        spread = torch.zeros(*layer.weight.shape[:2], 5, 5)
        spread[:, :, ::2, ::2] = layer.weight
        return F.conv2d(x, spread, layer.bias, padding=2)
    spatial, mixing = layer
    size = spatial.weight.shape[1]
    parts = [
        F.conv2d(x[:, i : i + size], spatial.weight[i : i + size], spatial.bias[i : i + size], padding=1)
        for i in range(0, x.shape[1], size)
    ]
    return torch.einsum("oi,nihw->nohw", mixing.weight[:, :, 0, 0], torch.cat(parts, 1)) + mixing.bias[:, None, None]


@pytest.mark.parametrize("kind", KINDS)
def test_convolutions_by_hand(kind):
    torch.manual_seed(0)
    layer, x = convolution_of(kind, 8), torch.randn(2, 8, 7, 9)
    torch.testing.assert_close(layer(x), by_hand(kind, layer, x), atol=1e-5, rtol=0)


@pytest.mark.parametrize(("kind", "size"), [("plain", 36_928), ("dilated", 36_928), ("grouped", 13_440),
                                            ("depthwise_separable", 4_800)])  # fmt: skip
def test_sizes(kind, size):
    assert sum(p.numel() for p in convolution_of(kind, 64).parameters()) == size


@pytest.mark.parametrize("kind", KINDS)
def test_edsr_with_each_kind(kind):
    method = find_method("edsr")({"scale": 2, "features": 8, "blocks": 2, "convolution": kind}).eval()
    lr = torch.rand(1, 3, 41, 37)
    torch.testing.assert_close(method.upscale(lr, 2, tile=8), method.upscale(lr, 2), atol=2e-5, rtol=0)
    found = recognise(method.network.state_dict())
    assert found.network == "edsr" and found.arguments["convolution"] == ("plain" if kind == "dilated" else kind)


def test_refusals(tmp_path):
    with pytest.raises(SrlabError, match=r"convolution=dilatd: expected plain, .*Did you mean 'dilated'"):
        convolution_of("dilatd", 8)
    with pytest.raises(SrlabError, match="features=6: a grouped convolution needs a multiple of 4"):
        convolution_of("grouped", 6)
    for kind in ("dilated", "grouped"):
        method = build("edsr_baseline")
        method = find_method("edsr")({**method.hparams["network"], "convolution": kind}, method.hparams["recipe"])
        checkpoint = {"state_dict": method.state_dict(), "hyper_parameters": dict(method.hparams)}
        method.on_save_checkpoint(checkpoint)
        torch.save(checkpoint, tmp_path / "a.ckpt")
        with pytest.raises(SrlabError, match=f"layout=basicsr: BasicSR has no {kind} convolution"):
            convert(tmp_path / "a.ckpt", tmp_path / "b.pt", "basicsr")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: normalization("layer", 8), "norm=layer: expected none or batch"),
        (lambda: Upsampler(8, 2, "transposd"), r"upsampler=transposd: expected subpixel, .*Did you mean 'transposed'"),
        (lambda: WDSRNetwork(2, 8, 1, block="c"), r"model\.network\.block=c: expected a or b"),
    ],
)
def test_kinds_of_other_parts_that_there_are_not(make, message):
    """As who builds a network in Python hears it; the options are checked before."""
    with pytest.raises(SrlabError, match=message):
        make()
