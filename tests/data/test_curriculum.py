"""Easier targets than HR, for early steps: HR images degraded but not shrunk, against plain NumPy."""

import numpy as np
import pytest
import torch

from srlab.config.compose import compose
from srlab.config.parse import parse
from srlab.config.schema import TrainConfig
from srlab.data.datamodule import SuperResolutionData
from srlab.data.degradations import DEGRADATIONS, find_degradation
from srlab.data.patches import PatchDataset
from srlab.data.random_draws import PatchSampler, PatchShape
from srlab.data.synthetic import synthetic_image
from srlab.data.training_set import synthetic
from srlab.errors import SrlabError
from srlab.imaging.symmetries import orient
from srlab.metrics.protocol import protocol
from srlab.training.prepare import prepare

SIDE, SCALE = 6, 3


def gaussian_blurred(image: np.ndarray, sigma: float, reach: int) -> np.ndarray:
    """Along rows, then columns, of (C, H, W); borders are replicated, and the result is rounded to 8 bits."""
    weights = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * sigma**2))
    blurred = image.astype(float)
    for axis in (1, 2):
        around = [(0, 0) if other != axis else (reach, reach) for other in range(3)]
        padded, side = np.pad(blurred, around, mode="edge"), blurred.shape[axis]
        shifted = (np.take(padded, range(i, i + side), axis=axis) for i in range(2 * reach + 1))
        blurred = sum(w / weights.sum() * part for w, part in zip(weights, shifted, strict=True))
    return np.floor(blurred + 0.5).astype(np.uint8)


def dataset(name: str, folder, shape: PatchShape | None = None, **options) -> PatchDataset:
    """Of two images of 65 x 65 pixels, which is no multiple of the scale."""
    images = synthetic(2, 65, degradation=find_degradation(name))
    lr = images.lr_store(folder, SCALE)
    sampler = PatchSampler({SCALE: lr.sizes}, shape or PatchShape(SIDE), batch_size=64, seed=0)
    return PatchDataset(
        images.hr_store(folder), {SCALE: lr}, sampler, range(1), degradation=images.degradation, **options
    )


@pytest.mark.parametrize(("name", "sigma", "reach"), [("blur_down", 1.6, 3), ("gaussian_down", 1.125, 5)])
def test_a_blurred_patch_is_that_of_the_blurred_image(name, sigma, reach, tmp_path):
    """At every place, borders included, and in all orientations."""
    made = dataset(name, tmp_path, curriculum=True)
    batch, draw = made.batch(0), made.sampler.draw(0)
    assert batch.easier.shape == batch.hr.shape and batch.easier.dtype == torch.uint8
    assert {0, 21 - SIDE} <= {*draw.top.tolist(), *draw.left.tolist()}
    whole = [gaussian_blurred(image[:, :63, :63], sigma, reach) for image in made.hr.images]
    differing = 0
    for i in range(64):
        y, x = draw.top[i] * SCALE, draw.left[i] * SCALE
        patch = whole[draw.image[i]][:, y : y + SIDE * SCALE, x : x + SIDE * SCALE]
        difference = np.abs(orient(patch, draw.orientation[i]).astype(int) - batch.easier[i].numpy())
        assert difference.max() <= 1
        differing += (difference > 0).sum()
    assert differing < 1e-4 * batch.easier.numel()  # a tie may be rounded either way
    assert (batch.easier != batch.hr).float().mean() > 0.3


def test_the_middle_of_every_three_blurred_pixels_is_the_lr_image(tmp_path):
    batch = dataset("blur_down", tmp_path, curriculum=True).batch(0)
    assert torch.equal(batch.easier[..., 1::3, 1::3], batch.lr)


def test_targets_under_a_margin_and_a_side_that_the_scale_does_not_divide(tmp_path):
    shape = PatchShape(lr=1, hr=16, margin=1)
    made = dataset("blur_down", tmp_path, shape, curriculum=True)
    batch = made.batch(0)
    assert batch.easier.shape == batch.hr.shape == (64, 3, 16, 16)
    assert torch.equal(batch.easier[..., 1::3, 1::3], batch.lr[..., 1:6, 1:6])


def test_noise_is_that_of_the_degradation_and_not_that_of_lr(tmp_path):
    made = dataset("noise_down", tmp_path, PatchShape(12), curriculum=True)
    batch, plain = made.batch(0), dataset("noise_down", tmp_path, PatchShape(12)).batch(0)
    assert plain.easier is None and torch.equal(batch.lr, plain.lr)  # the curriculum leaves LR as it is
    clean = batch.hr.float()
    middle = (clean > 100) & (clean < 155)  # where clipping hardly matters
    noise = (batch.easier.float() - clean)[middle]
    assert len(noise) > 1000 and abs(float(noise.mean())) < 1.5 and float(noise.std()) == pytest.approx(30, abs=1.5)
    generator = made.sampler.draws(0, 5)
    generator.standard_normal(batch.lr[5].shape)  # those of the LR patch come first
    height, width, channels = 36, 36, 3
    turn = made.sampler.draw(0).orientation[5]
    upright = generator.standard_normal((height, width, channels)).transpose(2, 0, 1)
    hr = batch.hr[5].numpy()
    expected = np.floor(hr + 30 * orient(upright, turn) + 0.5).clip(0, 255)
    assert np.array_equal(batch.easier[5].numpy(), expected)


@pytest.mark.parametrize("name", ["bicubic", "srmd", "unknown"])
def test_degradations_without_easier_targets(name):
    hr = synthetic_image(0, 48)
    assert DEGRADATIONS[name].unshrunk(hr, SCALE, np.random.default_rng(0)) is None


def data(*words: str) -> SuperResolutionData:
    given = ["data=sample", "data.sample_images=2", "data.sample_size=64", "data.patch_size=8", "data.batch_size=4"]
    config = parse(compose("train", [*given, *words]), TrainConfig).data
    return SuperResolutionData(config, (SCALE,), protocol("luma"), seed=0)


def test_processes_together_see_what_one_would():
    module = data("data.degradation=noise_down", "data.curriculum=true")
    whole = module.dataset(range(1)).batch(0)
    parts = [module.dataset(range(1), rank, 2).batch(0) for rank in range(2)]
    assert torch.equal(torch.cat([part.easier for part in parts]), whole.easier)
    floats = module.on_after_batch_transfer(whole, 0)
    assert torch.equal(floats.easier, whole.easier.float() / 255)


def test_it_is_off_unless_asked_for_and_a_resumed_run_must_keep_it():
    assert data("data.degradation=blur_down").dataset(range(1)).batch(0).easier is None
    assert data("data.curriculum=true").dataset(range(1)).batch(0).easier is None
    assert (
        data().state_dict()["curriculum"] is False and data("data.curriculum=true").state_dict()["curriculum"] is True
    )


@pytest.mark.parametrize("model", ["srfbn", "srfbn_s"])
def test_srfbn_has_its_curriculum_on_bd_and_dn_by_itself(model):
    tiny = [f"model={model}", "scale=3", "data.patch_sizes={3: 8}"]
    for word, expected in (("blur_down", True), ("noise_down", True), ("bicubic", False)):
        batch = data(*tiny, f"data.degradation={word}").dataset(range(1)).batch(0)
        assert (batch.easier is not None) == expected
    assert data(*tiny, "data.degradation=blur_down", "data.curriculum=false").dataset(range(1)).batch(0).easier is None


def test_a_network_of_one_image_has_no_curriculum(tmp_path):
    words = ["model=edsr_baseline", "data=sample", "data.sample_images=2", "data.sample_size=64", "data.patch_size=8"]
    config = parse(compose("train", [*words, "data.curriculum=true", f"runs={tmp_path}"]), TrainConfig)
    with pytest.raises(SrlabError, match=r"data\.curriculum: edsr_baseline has one target, HR; srfbn can have others"):
        prepare(config)
