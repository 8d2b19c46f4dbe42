"""ProSR against its published sizes, against plain functions, and how a level is blended in."""

import pytest
import torch
from helpers import build
from torch.nn import functional as F

from srlab.data.batch import Batch
from srlab.errors import SrlabError
from srlab.imaging.resize import imresize
from srlab.networks.prosr import ProSRNetwork

TINY = dict(ProSRNetwork.tiny)
DENSE = {**TINY, "block": "dense", "block_compression": 0.35, "level_compression": 0.6}
SMALL = {"layers": 6, "features": 24, "growth": 12, "block": "dense"}


@pytest.mark.parametrize(
    ("arguments", "parameters"),
    [
        ({"blocks": [9]}, 9470403),
        ({"blocks": [9, 3]}, 13427206),
        ({"blocks": [9, 3, 1]}, 15537609),
        ({"blocks": [4], **SMALL}, 849047),
        ({"blocks": [4, 2], **SMALL}, 1671560),
        ({"blocks": [4, 2, 1], **SMALL}, 2550191),
    ],
)
def test_parameters(arguments, parameters):
    with torch.device("meta"):
        network = ProSRNetwork(**arguments)
    assert sum(p.numel() for p in network.parameters()) == parameters
    assert network.traits.scales == (2, 4, 8)[: len(arguments["blocks"])]


def network_of(**arguments) -> ProSRNetwork:
    torch.manual_seed(0)
    network = ProSRNetwork(**arguments).double()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return network


def convolved(state: dict, name: str, x: torch.Tensor) -> torch.Tensor:
    weight = state[f"{name}.weight"]
    border = weight.shape[-1] // 2
    padded = F.pad(x, [border] * 4, mode="reflect") if border else x
    return F.conv2d(padded, weight, state.get(f"{name}.bias"))


def features_and_images(network: ProSRNetwork, x: torch.Tensor, scale: int, residual_scale: float | None) -> list:
    """The residual image of every level that a scale passes, by plain functions over the state dict."""
    state, images = network.state_dict(), []
    x = convolved(state, f"heads.x{scale}", x)
    for level, units in enumerate([2, 1, 1][: {2: 1, 4: 2, 8: 3}[scale]]):
        y = convolved(state, f"levels.{level}.compression", x) if level else x
        for unit in range(units):
            name, z = f"levels.{level}.blocks.{unit}", y
            for layer in range(2):
                hidden = convolved(state, f"{name}.layers.{layer}.squeeze", z).clamp(min=0)
                z = torch.cat([z, convolved(state, f"{name}.layers.{layer}.expand", hidden)], dim=1)
            if f"{name}.compression.weight" in state:
                z = convolved(state, f"{name}.compression", z)
            y = z if residual_scale is None else y + residual_scale * z
        y = convolved(state, f"levels.{level}.conv", y)
        enlarged = convolved(state, f"levels.{level}.upsample", y if residual_scale is None else x + y)
        x = F.pixel_shuffle(enlarged, 2).clamp(min=0)
        images.append(convolved(state, f"levels.{level}.image", x))
    return images


@pytest.mark.parametrize("scale", [2, 4, 8])
@pytest.mark.parametrize(("arguments", "residual_scale"), [({**TINY, "residual_scale": 0.3}, 0.3), (DENSE, None)])
def test_equals_plain_functions(arguments, residual_scale, scale):
    network, lr = network_of(**arguments), torch.rand(1, 3, 6, 5, dtype=torch.double)
    mean = torch.tensor([0.4488, 0.4371, 0.4040], dtype=torch.double).reshape(1, 3, 1, 1)
    residual = features_and_images(network, (lr - mean) / 0.0039215, scale, residual_scale)[-1]
    expected = imresize(lr, scale) + 0.0039215 * residual
    assert (network(lr, scale) - expected).abs().max() < 1e-5 * expected.abs().max()


@pytest.mark.parametrize("scale", [4, 8])
def test_a_level_is_blended_in_from_the_image_of_the_level_before(scale):
    """The authors' program: share * own + (1 - share) * the image before, enlarged by bilinear interpolation."""
    network, x = network_of(**TINY), torch.randn(1, 3, 6, 5, dtype=torch.double)
    *_, before, own = features_and_images(network, x, scale, 0.2)
    enlarged = F.interpolate(before, scale_factor=2, mode="bilinear")
    for share in (0.0, 0.25, 0.9):
        expected = share * own + (1 - share) * enlarged
        torch.testing.assert_close(network.residual(x, scale, share), expected, rtol=1e-9, atol=1e-9)
    assert torch.equal(network.residual(x, scale, 1.0), network.residual(x, scale))


def test_a_level_learns_from_the_moment_that_it_is_blended_in():
    network, lr = network_of(**TINY), torch.rand(1, 3, 6, 6, dtype=torch.double)
    network.blended(lr, 4, 0.0).square().sum().backward()
    assert not network.levels[1].image.weight.grad.any() and network.levels[0].image.weight.grad.any()
    network.blended(lr, 4, 0.5).square().sum().backward()
    assert network.levels[1].image.weight.grad.any() and network.levels[2].image.weight.grad is None


def test_training_takes_the_blend_of_the_batch():
    method = build("prosr")
    lr, hr = torch.rand(2, 3, 10, 10), torch.rand(2, 3, 32, 32)
    for blend in (0.0, 0.3, 1.0):
        ((sr, target, weight),) = method.predictions(Batch(lr, hr, 4, margin=1, blend=blend))
        expected = method.network.blended(lr, 4, blend)[..., 4:36, 4:36]
        assert torch.equal(sr, expected) and target is hr and weight == 1
    assert torch.equal(method.network(lr, 4)[..., 4:36, 4:36], sr)


def test_without_a_residual_it_is_bicubic():
    network, lr = ProSRNetwork(**TINY), torch.rand(1, 3, 7, 9)
    for level in network.levels:
        torch.nn.init.zeros_(level.image.weight)
    for scale in (2, 4, 8):
        assert torch.equal(network(lr, scale), imresize(lr, scale))


@pytest.mark.parametrize("size", [(1, 1), (1, 6), (2, 1), (2, 2)])
def test_the_smallest_images(size):
    network = ProSRNetwork(**TINY)
    assert network(torch.rand(1, 3, *size), 8).shape == (1, 3, 8 * size[0], 8 * size[1])


@pytest.mark.parametrize("shares", [(0.4, 0.5), (0.35, 0.6), (0.123, 1.0)])
def test_compressions_are_read_from_shapes(shares):
    network = ProSRNetwork([3, 2], 3, features=30, growth=20, bottleneck=1, block="dense",
                           block_compression=shares[0], level_compression=shares[1])  # fmt: skip
    found = network.arguments_of(network.state_dict())
    assert found is not None and (found["block"], found["blocks"]) == ("dense", [3, 2])
    assert ProSRNetwork(**found).state_dict().keys() == network.state_dict().keys()


def test_shapes_that_no_share_gives():
    """One of 13 features between two levels, and nine of 15 between the next."""
    state = ProSRNetwork(**DENSE).state_dict()
    state["levels.1.compression.weight"] = state["levels.1.compression.weight"][:1]
    with pytest.raises(LookupError, match="compression"):
        ProSRNetwork.infer_arguments(state)
    assert ProSRNetwork.arguments_of(state) is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"blocks": []}, r"blocks=\[\]: expected units for each level"),
        ({"blocks": [9, 0]}, r"blocks=\[9, 0\]: expected units for each level"),
        ({"block": "residuals"}, r"block=residuals: expected residual or dense\. Did you mean 'residual'"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(SrlabError, match=message):
        ProSRNetwork(**arguments)
