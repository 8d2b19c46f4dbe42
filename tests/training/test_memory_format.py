"""The memory layout that training asks for: on every network, and on one that only a loss uses."""

import pytest
import torch
from helpers import MODELS, build
from torch import nn

from srlab.training.memory_format import use_channels_last
from srlab.weights.backbones import Frozen


@pytest.mark.parametrize("model", MODELS)
def test_every_network_takes_it(model):
    method = build(model)
    before = {key: value.clone() for key, value in method.state_dict().items()}
    use_channels_last(method)
    flat = [value for value in method.parameters() if value.ndim == 4]
    assert all(value.is_contiguous(memory_format=torch.channels_last) for value in flat)
    assert all(torch.equal(value, before[key]) for key, value in method.state_dict().items())


def test_networks_of_losses_take_it():
    frozen = Frozen(nn.Sequential(nn.Conv2d(3, 4, 3)))
    use_channels_last(nn.ModuleList([frozen]))
    assert frozen.network[0].weight.is_contiguous(memory_format=torch.channels_last)
