"""DRRN: what is shared, where the identity branch starts, and how gradients are clipped."""

import pytest
import torch
from helpers import build
from torch.nn import functional as F

from srlab.data.batch import Batch
from srlab.evaluation.complexity import multiply_adds
from srlab.imaging.color import luma
from srlab.imaging.resize import imresize
from srlab.methods.pre_upsampling import enlarge
from srlab.networks.drrn import DRRNNetwork

EPSILON = 1e-5  # of BatchNorm


def random_network(**arguments) -> DRRNNetwork:
    torch.manual_seed(0)
    network = DRRNNetwork(features=5, **arguments).double().eval()
    for name, value in network.state_dict().items():
        if name.endswith("running_var"):
            torch.nn.init.uniform_(value, 0.5, 2)
        elif value.is_floating_point():
            torch.nn.init.normal_(value, std=0.3)
    return network


@pytest.mark.parametrize("units", [9, 25])
def test_units_share_convolutions_and_not_batch_norm(units):
    """297 K in the paper: the weights of four convolutions, whatever the number of units."""
    network = DRRNNetwork(units=units)
    convolutions = [layer for layer in network.modules() if isinstance(layer, torch.nn.Conv2d)]
    norms = [layer for layer in network.modules() if isinstance(layer, torch.nn.BatchNorm2d)]
    assert sum(layer.weight.numel() for layer in convolutions) == 297_216
    assert sum(p.numel() for layer in convolutions for p in layer.parameters()) == 297_601
    assert [layer.num_features for layer in norms] == [1] + [128] * (2 * units + 1)
    assert len({id(layer.weight) for layer in norms}) == 2 * units + 2


@pytest.mark.parametrize(("blocks", "units"), [(1, 3), (2, 2), (3, 1)])
@pytest.mark.parametrize("scale", [2, 3])
def test_equals_the_papers_figure_in_plain_functions(blocks, units, scale):
    network, lr = random_network(blocks=blocks, units=units), torch.rand(2, 1, 6, 5, dtype=torch.double)
    state = network.state_dict()

    def activated(x, norm):
        mean, variance, weight, bias = (
            state[f"{norm}.{key}"].reshape(1, -1, 1, 1) for key in ("running_mean", "running_var", "weight", "bias")
        )
        return ((x - mean) / (variance + EPSILON).sqrt() * weight + bias).clamp(min=0)

    def convolution(x, name):
        return F.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"], padding=1)

    enlarged = x = imresize(lr, scale)
    for block in range(blocks):
        start = x = convolution(activated(x, f"blocks.{block}.first.0"), f"blocks.{block}.first.2")
        for unit in range(units):
            for layer in range(2):
                x = activated(x, f"blocks.{block}.unit.norms.{unit}.{layer}")
                x = convolution(x, f"blocks.{block}.unit.convolutions.{layer}")
            x = start + x
    expected = enlarged + convolution(activated(x, "reconstruction.0"), "reconstruction.2")
    torch.testing.assert_close(network(lr, scale), expected)


@pytest.mark.parametrize(("blocks", "units", "depth"), [(1, 25, 52), (1, 9, 20), (3, 2, 16)])
def test_sees_as_far_as_it_is_deep(blocks, units, depth):
    """Section 3.3: (1 + 2 U) B + 1 convolutions."""
    assert DRRNNetwork(features=2, blocks=blocks, units=units).traits.receptive_field == depth + 3


def test_blocks_have_weights_of_their_own():
    network = DRRNNetwork(features=4, blocks=2, units=1)
    assert network.arguments_of(network.state_dict()) == {"channels": 1, "features": 4, "blocks": 2, "units": 1}
    first, second = network.blocks
    assert first.unit.convolutions[0].weight is not second.unit.convolutions[0].weight
    assert second.first[2].weight.shape == (4, 4, 3, 3)


@pytest.mark.parametrize("rate", [0.1, 0.025])
@pytest.mark.parametrize("model", ["drrn", "memnet"])
def test_clips_the_norm_by_the_learning_rate(model, rate):
    """The authors' change of Caffe: the bound on the norm of the whole gradient is theta / learning rate."""
    method = build(model)
    theta = method.hparams["recipe"]["gradient_clip_val"]
    optimizer = method.configure_optimizers()["optimizer"]
    optimizer.param_groups[0]["lr"] = rate
    parameters = list(method.network.parameters())
    before = [torch.randn_like(p) for p in parameters]
    for largest in (10 * theta / rate, 0.5 * theta / rate):
        factor = largest / torch.cat([gradient.flatten() for gradient in before]).norm()
        for p, gradient in zip(parameters, before, strict=True):
            p.grad = gradient * factor
        method.configure_gradient_clipping(optimizer, theta, "norm")
        expected = min(1.0, theta / rate / largest)
        for p, gradient in zip(parameters, before, strict=True):
            torch.testing.assert_close(p.grad, gradient * factor * expected, rtol=1e-4, atol=1e-8)


def test_loss_of_mixed_scales_is_that_of_all_samples():
    """Half the squared error of a sample, summed over its pixels; BatchNorm sees all scales together."""
    method, hr = build("drrn"), torch.rand(5, 3, 31, 31)
    parts = [Batch(torch.rand(3, 3, 20, 20), hr[:3], 2, margin=2), Batch(torch.rand(2, 3, 15, 15), hr[3:], 3, margin=2)]
    loss, _ = method.objective(parts)
    grey = [part._replace(lr=luma(part.lr), hr=luma(part.hr)) for part in parts]
    sr = method.network(torch.cat([enlarge(part) for part in grey]), 1)
    expected = (sr - luma(hr)).square().sum(dim=(1, 2, 3)).mean() / 2
    torch.testing.assert_close(loss, expected)


@pytest.mark.parametrize(("model", "published"), [("drrn", 6796.9), ("drrn_b1u9", 2448.2)])
def test_multiply_adds(model, published):
    """B1U25: CARN's table; B1U9: (2 x 1152 + 18 x 147456) x 1280 x 720."""
    assert multiply_adds(build(model, small=False), 2) / 1e9 == pytest.approx(published, abs=0.05)
