"""ESPCN: its size, the order of its sub-pixels, and how its layers learn."""

import numpy as np
import pytest
import torch
from helpers import build
from scipy import ndimage

from srlab.data.batch import Batch
from srlab.errors import SrlabError
from srlab.networks.espcn import ESPCNNetwork


@pytest.mark.parametrize(("scale", "parameters"), [(2, 21284), (3, 22729), (4, 24752), (8, 38624)])
def test_parameters(scale, parameters):
    assert sum(p.numel() for p in ESPCNNetwork(scale).parameters()) == parameters


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_equals_section_3_in_scipy(scale):
    """Zeros around the image, tanh twice, and pixel (scale*y + i, scale*x + j) from feature i * scale + j at (y, x)."""
    torch.manual_seed(0)
    network = ESPCNNetwork(scale, widths=[6, 4]).double()
    lr = torch.rand(1, 1, 6, 7, dtype=torch.double)
    x = lr[0].numpy()
    for index, layer in enumerate(network.convolutions):
        weights, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
        planes = [
            sum(ndimage.correlate(plane, kernel, mode="constant") for plane, kernel in zip(x, kernels, strict=True))
            for kernels in weights
        ]
        x = np.stack(planes) + bias[:, None, None]
        x = np.tanh(x) if index < 2 else x
    expected = np.empty((6 * scale, 7 * scale))
    for i in range(scale):
        for j in range(scale):
            expected[i::scale, j::scale] = x[i * scale + j]
    np.testing.assert_allclose(network(lr, scale)[0, 0].detach().numpy(), expected, atol=1e-12)


def test_the_last_layer_learns_at_a_tenth():
    method = build("espcn")
    others, slow = method.configure_optimizers()["optimizer"].param_groups
    assert {id(p) for p in slow["params"]} == {id(p) for p in method.network.convolutions[2].parameters()}
    assert len(others["params"]) == 4
    assert slow["initial_lr"] == pytest.approx(others["initial_lr"] / 10)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scale": 5}, "scale=5: ESPCN has 2, 3, 4 and 8"),
        ({"scale": 2, "kernels": [5, 4, 3]}, r"kernels=\[5, 4, 3\] and widths=\[64, 32\] do not fit"),
        ({"scale": 2, "widths": [64]}, r"kernels=\[5, 3, 3\] and widths=\[64\] do not fit"),
    ],
)
def test_arguments_that_cannot_be(arguments, message):
    with pytest.raises(SrlabError, match=message):
        ESPCNNetwork(**arguments)


def test_its_recipe_learns_from_the_first_steps():
    method = build("espcn", small=False)
    optimizer = method.configure_optimizers()["optimizer"]
    generator = torch.Generator().manual_seed(0)
    losses = []
    for _ in range(12):
        level = torch.rand(16, 1, 1, 1, generator=generator)
        lr = (level + 0.2 * torch.randn(16, 1, 17, 17, generator=generator)).clamp(0, 1)
        hr = lr.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
        optimizer.zero_grad()
        loss, _ = method.objective(Batch(lr, hr, 2))
        losses.append(float(loss.detach()))
        loss.backward()
        if clip := method.hparams["recipe"]["gradient_clip_val"]:
            method.configure_gradient_clipping(optimizer, clip, "norm")
        optimizer.step()
    assert np.isfinite(losses).all() and losses[-1] < 0.7 * losses[0]
