"""Averaged weights: the formula, its bits, and the steps at which they move."""

import numpy as np
import pytest
import torch
from torch import nn

from srlab.methods.averaging import decay_at, update_average


def network(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    made = nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.Conv2d(5, 3, 3))
    made(torch.rand(2, 3, 8, 8))  # fills the statistics of BatchNorm
    return made


@pytest.mark.parametrize("decay", [0.0, 0.1, 0.999, 1.0])
def test_weights_move_by_the_formula(decay):
    averaged, trained = network(0), network(1)
    old = [p.detach().numpy().astype(np.float64) for p in averaged.parameters()]
    update_average(averaged, trained, decay)
    for before, new, found in zip(old, trained.parameters(), averaged.parameters(), strict=True):
        expected = decay * before + (1 - decay) * new.detach().numpy().astype(np.float64)
        np.testing.assert_allclose(found.detach().numpy(), expected, rtol=1e-6, atol=1e-8)


def test_the_bits_are_those_of_an_interpolation_tensor_by_tensor():
    """Runs that are resumed by another version of PyTorch must go on with the same values."""
    averaged, trained = network(0), network(1)
    pairs = zip(averaged.parameters(), trained.parameters(), strict=True)
    expected = [torch.lerp(old, new, 1 - 0.999) for old, new in pairs]
    update_average(averaged, trained, 0.999)
    assert all(torch.equal(found, wanted) for found, wanted in zip(averaged.parameters(), expected, strict=True))


def test_batch_norm_statistics_are_copied():
    averaged, trained = network(0), network(1)
    assert not torch.equal(averaged[1].running_mean, trained[1].running_mean)
    update_average(averaged, trained, 0.9)
    assert all(torch.equal(a, b) for a, b in zip(averaged.buffers(), trained.buffers(), strict=True))


def test_the_first_steps_forget_the_start():
    assert decay_at(0, 0.999) == 0.1 and decay_at(5, 0.999) == 0.4
    assert decay_at(10**6, 0.999) == 0.999
    assert decay_at(0, 0.05) == 0.05
