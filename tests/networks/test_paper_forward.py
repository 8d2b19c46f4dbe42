"""Networks for which there are no outputs of another program, against forward passes written from their papers."""

import pytest
import torch
from paper_forward import drcn, drrn, dsrn, espcn, memnet
from torch import nn

from srlab.imaging.resize import imresize
from srlab.networks import NETWORKS
from srlab.networks.network import SRNetwork

LR = torch.rand(2, 1, 11, 9, generator=torch.Generator().manual_seed(5), dtype=torch.float64)


def random_network(name: str, **arguments) -> SRNetwork:
    """In float64, with all weights and statistics away from their initial values."""
    torch.manual_seed(0)
    network = NETWORKS[name](**arguments).double().eval()
    for key, value in network.state_dict().items():
        if value.is_floating_point():
            value.copy_(torch.rand_like(value) + 0.5 if "running_var" in key else value + 0.1 * torch.randn_like(value))
    return network


def pair(layer: nn.Module) -> tuple[torch.Tensor, torch.Tensor]:
    return layer.weight, layer.bias


def norm(layer: nn.Module) -> tuple[torch.Tensor, ...]:
    return layer.weight, layer.bias, layer.running_mean, layer.running_var


def pre_activated(module: nn.Sequential, name: str = "conv") -> dict:
    return {"bn": norm(module[0]), name: pair(module[2])}


def shared(unit: nn.Module) -> tuple[list, list]:
    """The two convolutions of a recursion, and the two normalisations of each of its steps."""
    return [pair(layer) for layer in unit.convolutions], [[norm(layer) for layer in norms] for norms in unit.norms]


def assert_equal(ours: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(ours, expected, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("scale", [2, 3, 4])
@torch.no_grad()
def test_espcn(scale):
    network = random_network("espcn", scale=scale)
    assert_equal(network(LR, scale), espcn(LR, [pair(layer) for layer in network.convolutions], scale))


@torch.no_grad()
def test_drcn():
    network = random_network("drcn", features=6, recursions=4)
    weights = {
        "embedding": [pair(network.embedding[i]) for i in (0, 2)],
        "recursion": pair(network.recursion),
        "reconstruction": [pair(network.reconstruction[i]) for i in (0, 2)],
        "ensemble": network.ensemble,
    }
    images, final = drcn(imresize(LR, 2), weights, recursions=4)
    assert_equal(torch.stack(network.outputs(LR, 2)), torch.stack([*images, final]))
    assert_equal(network(LR, 2), final)


@torch.no_grad()
def test_drrn():
    network = random_network("drrn", features=6, units=3)
    (block,) = network.blocks
    convolutions, norms = shared(block.unit)
    weights = {
        "first": pre_activated(block.first),
        "units": {"convs": convolutions, "bns": norms},
        "last": pre_activated(network.reconstruction),
    }
    assert_equal(network(LR, 2), drrn(imresize(LR, 2), weights, units=3))


@torch.no_grad()
def test_memnet():
    network = random_network("memnet", features=6, blocks=3, recursions=2)
    blocks = []
    for block in network.blocks:
        convolutions, norms = shared(block.unit)
        blocks.append({"residual": convolutions, "bns": norms, "gate": pre_activated(block.gate, "conv1x1")})
    weights = {
        "feature": pre_activated(network.first),
        "blocks": blocks,
        "reconstruction": {"conv": pair(network.reconstruction), "bns": [norm(layer) for layer in network.norms]},
        "ensemble": network.ensemble,
    }
    images, final = memnet(imresize(LR, 2), weights)
    assert_equal(torch.stack(network.outputs(LR, 2)), torch.stack([*images, final]))


@pytest.mark.parametrize("scale", [2, 3])
@torch.no_grad()
def test_dsrn(scale):
    network = random_network("dsrn", scale=scale, channels=1, features=6, steps=4)
    weights = {
        "input": [pair(network.head[i]) for i in (0, 2)],
        "lr": [pair(network.low[i]) for i in (0, 2)],
        "hr": [pair(network.high[i]) for i in (0, 2)],
        "up": pair(network.up),
        "output": pair(network.tail),
    }
    assert_equal(network(LR, scale), dsrn(LR, imresize(LR, scale), weights, 4, scale))
