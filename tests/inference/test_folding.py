"""Constants folded into convolutions: the same images, in fewer steps, from a copy."""

import copy

import pytest
import torch
from helpers import MODELS, build, random_condition, scales_of
from torch import nn
from torch.nn.utils import parametrize

from srlab.inference.folding import folded
from srlab.networks import NETWORKS
from srlab.networks.layers import MeanShift, ResidualBlock
from srlab.networks.rcan import TrainedMeanShift
from srlab.networks.wdsr import WideBlock

ODD = (13, 17)


def unsettled(network: nn.Module, seed: int = 0) -> nn.Module:
    """The network with statistics, factors, colours and biases that are none of those that it starts with."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_(std=0.2)
                module.running_var.uniform_(0.5, 2)
                module.weight.uniform_(0.5, 1.5)
                module.bias.normal_(std=0.1)
            if isinstance(module, (ResidualBlock, WideBlock)):
                module.residual_scale = float(torch.rand(())) + 0.1
            if isinstance(module, TrainedMeanShift):
                module.subtraction.weight += 0.02 * torch.randn(module.subtraction.weight.shape)
                module.addition.weight += 0.02 * torch.randn(module.addition.weight.shape)
            if isinstance(module, nn.Conv2d) and module.bias is not None:
                module.bias.normal_(std=0.1)
    return network.eval()


def results(network, scale, channels=3):
    """Of the network and of its folded copy."""
    multiple = network.traits.size_multiple
    height, width = (side + -side % multiple for side in ODD)
    lr = torch.rand(2, network.traits.channels or channels, height, width, generator=torch.Generator().manual_seed(1))

    class Owner:
        traits = network.traits

    condition = random_condition(Owner, 2)
    with torch.no_grad():
        return network(lr, scale, condition), folded(network)(lr, scale, condition)


@pytest.mark.parametrize("model", MODELS)
def test_outputs_are_equal(model):
    scale = scales_of(model)[-1]
    expected, got = results(unsettled(build(model, scale=scale).network), scale)
    # Random weights can give images far out of [0, 1]; float32 rounds relative to what is largest.
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-5 * max(1.0, float(expected.abs().max())))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("key", "options"),
    [
        ("edsr", {"norm": "batch", "convolution": "grouped"}),
        ("edsr", {"convolution": "depthwise_separable", "upsampler": "transposed"}),
        ("edsr", {"norm": "batch", "attention": "channel"}),
        ("edsr", {"connections": "recursive"}),
        ("edsr", {"connections": "dense"}),
        ("rdn", {"subtract_mean": False}),
        ("wdsr", {"block": "b"}),
    ],
)
def test_kinds_of_blocks(key, options, channels):
    torch.manual_seed(0)
    network = NETWORKS[key](**{**NETWORKS[key].tiny, "scale": 2, "channels": channels, **options})
    expected, got = results(unsettled(network), 2)
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-5 * max(1.0, float(expected.abs().max())))


@pytest.mark.parametrize(
    "model", ["edsr_baseline", "mdsr", "wdsr_a", "wdsr_b", "srresnet", "rdn", "rcan", "san", "han"]
)
def test_what_folds_is_gone(model):
    before = unsettled(build(model).network)
    after = folded(before)
    kinds = (nn.BatchNorm2d, MeanShift, TrainedMeanShift)
    assert not any(isinstance(module, kinds) or parametrize.is_parametrized(module) for module in after.modules())
    scaled = [module.residual_scale for module in after.modules() if type(module) in (ResidualBlock, WideBlock)]
    assert set(scaled) <= {1.0}


@pytest.mark.parametrize("model", ["edsr", "wdsr_a", "srresnet", "rcan"])
def test_the_network_is_not_changed(model):
    network = unsettled(build(model).network).train()
    state, modules = copy.deepcopy(network.state_dict()), [type(module) for module in network.modules()]
    scales = [module.residual_scale for module in network.modules() if hasattr(module, "residual_scale")]
    folded(network)
    assert network.training and all(parameter.requires_grad for parameter in network.parameters())
    assert [type(module) for module in network.modules()] == modules
    assert [module.residual_scale for module in network.modules() if hasattr(module, "residual_scale")] == scales
    assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())


def test_an_attention_keeps_its_factor():
    """The factor stands after the attention, which sees the residual: it cannot go before it."""
    network = NETWORKS["edsr"](2, features=8, blocks=1, residual_scale=0.1, attention="channel")
    assert folded(network).body[0].residual_scale == 0.1


def test_a_batch_norm_after_a_convolution_of_two_sequences_stays():
    shared = nn.Conv2d(3, 3, 1)
    network = NETWORKS["edsr"](2, features=8, blocks=1)
    network.extra = nn.ModuleList([nn.Sequential(shared, nn.BatchNorm2d(3)), nn.Sequential(shared, nn.BatchNorm2d(3))])
    assert sum(isinstance(module, nn.BatchNorm2d) for module in folded(network).modules()) == 2
