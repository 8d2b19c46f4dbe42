"""Multiply-adds at 1280 x 720 against published tables; activations against counts by hand."""

from dataclasses import replace

import pytest
import torch
from helpers import build

from srlab.evaluation.complexity import activations, multiply_adds, trainable_parameters

# SRCNN and VDSR as printed by CARN (Table 1); the others as its method gives them for the authors' networks. FSRCNN is
# 6.0 and 4.6 there, since that table counts the transposed convolution's whole kernel at every HR pixel; a stride of s
# leaves 1 / s^2 of it.
EXPECTED = {
    ("srcnn", 2): 52.7,
    ("fsrcnn", 2): 2.88,
    ("fsrcnn", 4): 0.7225,
    ("vdsr", 3): 612.6,
    ("edsr_baseline", 2): 316.2,
    ("edsr_baseline", 3): 160.4,
    ("edsr_baseline", 4): 114.2,
    ("edsr", 2): 9384.7,
    ("mdsr_baseline", 2): 410.6,
    ("mdsr", 4): 409.6,
    ("wdsr_a", 2): 273.0,
    ("wdsr_a", 3): 122.0,
    ("rdn", 2): 5096.2,
    ("rcan", 4): 916.9,
    ("han", 2): 3637.6,  # without the products of its layer attention, which would add 0.1 %
}


@pytest.mark.parametrize(("model", "scale"), EXPECTED)
def test_multiply_adds(model, scale):
    with torch.device("meta"):
        method = build(model, small=False, scale=scale)
    assert multiply_adds(method, scale) / 1e9 == pytest.approx(EXPECTED[model, scale], rel=8e-4)


# Channels of every convolution's output, times its pixels over those of the LR image.
CHANNELS = {
    # the head, two in each of 16 blocks, the one behind them; those of the upsampler; the tail
    ("edsr_baseline", 2): [64] * (1 + 2 * 16 + 1) + [256, 4 * 3],
    ("edsr_baseline", 3): [64] * (1 + 2 * 16 + 1) + [9 * 64, 9 * 3],
    ("edsr_baseline", 4): [64] * (1 + 2 * 16 + 1) + [256, 4 * 256, 16 * 3],
    # extraction, shrinking, four of mapping, expanding, and the transposed one
    ("fsrcnn", 2): [56, 12, *[12] * 4, 56, 4 * 1],
    ("fsrcnn", 3): [56, 12, *[12] * 4, 56, 9 * 1],
    ("srcnn", 2): [4 * 64, 4 * 32, 4 * 1],  # all of them work on the enlarged image
}


@pytest.mark.parametrize(("model", "scale"), CHANNELS)
def test_activations_at_256_x_256(model, scale):
    with torch.device("meta"):
        method = build(model, small=False, scale=scale)
    assert activations(method, scale) == 256 * 256 * sum(CHANNELS[model, scale])


def test_sides_become_what_the_network_takes(monkeypatch):
    method = build("edsr_baseline")
    before = activations(method, 2)
    monkeypatch.setattr(type(method), "traits", replace(method.traits, size_multiple=6))
    assert activations(method, 2) * 256**2 == before * 258**2


def test_interpolation_is_free():
    method = build("bicubic")
    assert multiply_adds(method, 2) == activations(method, 2) == trainable_parameters(method) == 0
