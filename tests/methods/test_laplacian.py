"""How LapSRN and MS-LapSRN are trained: every level is compared."""

import numpy as np
import pytest
import torch
from helpers import build

from srlab.data.batch import Batch
from srlab.data.random_draws import PatchShape
from srlab.errors import SrlabError
from srlab.imaging.resize import imresize
from srlab.methods import find_method
from srlab.networks.lapsrn import LapSRNNetwork

BATCH = Batch(torch.rand(3, 1, 8, 8), torch.rand(3, 1, 48, 48), 8, margin=1)


def charbonnier(sr, hr):
    """Of every sample, summed over its pixels (equation 4): epsilon is 0.001."""
    difference = sr.detach().double().numpy() - hr.double().numpy()
    return np.sqrt(difference**2 + 1e-6).sum(axis=(1, 2, 3))


def test_every_level_is_compared_with_the_reduced_patch():
    """A network of x8 learns x2, x4 and x8; an image's margin is that of its scale."""
    method = build("lapsrn", scale=8)
    images = method.network.outputs(BATCH.lr, 8)
    expected = 0.0
    for image, scale in zip(images, (2, 4, 8), strict=True):
        inner = image[..., scale:-scale, scale:-scale]
        target = BATCH.hr if scale == 8 else imresize(BATCH.hr, scale / 8)
        expected += charbonnier(inner, target).mean()
    loss, terms = method.objective(BATCH)
    assert list(terms) == ["charbonnier"]
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_a_patch_whose_side_the_scale_does_not_divide():
    """HR of 42 pixels at x4, LR of 11: the x2 image is compared on 21."""
    method = build("lapsrn", scale=4)
    (x2, of_x2, _), (x4, of_x4, _) = method.predictions(Batch(torch.rand(1, 1, 11, 11), torch.rand(1, 1, 42, 42), 4))
    assert x2.shape == of_x2.shape == (1, 1, 21, 21) and x4.shape == of_x4.shape == (1, 1, 42, 42)


def test_ms_lapsrn_weighs_all_samples_of_all_scales_alike():
    """As the authors' program, which divides the sum over all pixels, levels and samples by the number of samples."""
    method = build("ms_lapsrn")
    hr = torch.rand(4, 1, 16, 16)
    parts = [Batch(imresize(hr[:1], 1 / 2), hr[:1], 2), Batch(imresize(hr[1:], 1 / 4), hr[1:], 4)]
    x2, (half, x4) = method.network(parts[0].lr, 2), method.network.outputs(parts[1].lr, 4)
    expected = charbonnier(x2, hr[:1]).sum() + charbonnier(half, imresize(hr[1:], 1 / 2)).sum()
    expected += charbonnier(x4, hr[1:]).sum()
    loss, _ = method.objective(parts)
    assert loss.item() == pytest.approx(expected / 4, rel=1e-5)


@pytest.mark.parametrize("model", ["lapsrn", "ms_lapsrn"])
def test_biases_learn_at_a_tenth(model):
    method = build(model)
    weights, biases = method.configure_optimizers()["optimizer"].param_groups
    names = {id(p): name for name, p in method.network.named_parameters()}
    assert {names[id(p)] for p in biases["params"]} == {name for name in names.values() if name.endswith("bias")}
    assert len(weights["params"]) + len(biases["params"]) == len(names)
    assert biases["initial_lr"] == pytest.approx(weights["initial_lr"] / 10)
    assert weights["weight_decay"] == biases["weight_decay"] == 1e-4


@pytest.mark.parametrize(
    ("model", "arguments", "scales", "message"),
    [
        (
            "lapsrn",
            {"scale": 4},
            [3],
            r"scale=3: LapSRN is not trained at x3\. It makes x3 from its x4, reduced by 3/4",
        ),
        (
            "lapsrn",
            {"scale": 4},
            [2],
            r"scale=2: a LapSRN of x4 learns all its levels from patches of x4\. Set scale=4",
        ),
        ("lapsrn", {"scale": 4}, [2, 4], r"scale=2,4: a LapSRN of x4"),
        ("ms_lapsrn", {}, [2, 3, 4], "scale=3: MSLapSRN is not trained at x3"),
    ],
)
def test_scales_that_are_not_trained(model, arguments, scales, message):
    method = find_method(model)
    network = method.Network(**arguments, **method.Network.tiny)
    with pytest.raises(SrlabError, match=message):
        method.check_patches(network, PatchShape(32, 128), scales, "batch")


def test_scales_that_are_trained():
    for scale in (2, 4, 8):
        find_method("lapsrn").check_patches(LapSRNNetwork(scale, depth=1), PatchShape(32), [scale], "batch")
    method = build("ms_lapsrn")
    method.check_patches(method.network, PatchShape(32, 128), [2, 4, 8], "sample")


def test_the_recipe_does_not_diverge_in_the_first_steps():
    """On sums over patches of the recipe's size, and without the bound, the loss triples within four steps."""
    method = build("lapsrn", small=False, scale=4)
    optimizer = method.configure_optimizers()["optimizer"]
    line = torch.linspace(0, 12, 128)
    waves = (line[:, None] + 0.6 * line[None, :]).sin()[None, None] / 2 + 0.5
    batch = Batch(imresize(waves, 1 / 4), waves, 4)
    losses = []
    for _ in range(4):
        optimizer.zero_grad()
        loss, _ = method.objective(batch)
        loss.backward()
        method.configure_gradient_clipping(optimizer, method.hparams["recipe"]["gradient_clip_val"], "norm")
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
