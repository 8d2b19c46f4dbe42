"""The degradations against independent definitions, and on their way into training, validation and evaluation."""

from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
import torch
from helpers import SHARED, needs_shared, write_image
from scipy import ndimage
from torch import nn

from srlab.commands.evaluation import evaluate_config
from srlab.config.compose import compose
from srlab.config.parse import parse
from srlab.config.schema import TrainConfig
from srlab.data import degradations, photos
from srlab.data.datamodule import SuperResolutionData
from srlab.data.degradations import DEGRADATIONS, Bicubic, draws_for_image, find_degradation
from srlab.data.evaluation_sets import evaluation_sets, photo_set
from srlab.data.image_sets import ImageSet, Picture
from srlab.data.synthetic import synthetic_image
from srlab.errors import SrlabError
from srlab.imaging.resize import imresize
from srlab.methods import METHODS
from srlab.methods.super_resolver import plain_method
from srlab.metrics.protocol import protocol
from srlab.networks import NETWORKS
from srlab.networks.network import SRNetwork, Traits
from srlab.training.run import train_config

HR = synthetic_image(0, 96)


def matlab_gaussian() -> np.ndarray:
    """fspecial('gaussian', 7, 1.6)."""
    offsets = np.arange(-3, 4)
    kernel = np.exp(-(offsets[:, None] ** 2 + offsets[None, :] ** 2) / (2 * 1.6**2))
    return kernel / kernel.sum()


def test_blur_down_is_matlabs_filter_and_the_middle_of_every_three_pixels():
    lr, condition = find_degradation("blur_down")(HR, 3, draws_for_image("a", 3))
    exact = np.stack([ndimage.correlate(HR[..., c].astype(float), matlab_gaussian(), mode="nearest") for c in range(3)])
    expected = np.floor(exact + 0.5).astype(np.uint8).transpose(1, 2, 0)[1::3, 1::3]
    assert lr.dtype == np.uint8 and lr.shape == (32, 32, 3) and condition.shape == (226,)
    assert (lr != expected).mean() < 1e-4 and np.abs(lr.astype(int) - expected).max() <= 1  # a tie may round either way
    blurred = np.floor(exact + 0.5).astype(np.uint8).transpose(1, 2, 0)
    assert np.array_equal(imresize(blurred, 1 / 3, "nearest"), expected)  # as RDN's and RCAN's programs take them


def test_blur_down_of_luma_is_not_rounded():
    y = HR[..., 0] / 255
    lr, _ = find_degradation("blur_down")(y, 3, draws_for_image("a", 3))
    expected = ndimage.correlate(y, matlab_gaussian(), mode="nearest")[1::3, 1::3]
    np.testing.assert_allclose(lr, expected, atol=1e-12)


def test_blur_down_is_defined_at_x3_alone():
    with pytest.raises(SrlabError, match="blur_down: is defined at scale=3, not at 2"):
        find_degradation("blur_down")(HR, 2, draws_for_image("a", 2))


@pytest.mark.parametrize(("scale", "sigma", "kept"), [(2, 0.75, 1), (3, 1.125, 1), (4, 1.5, 2), (8, 3.0, 4)])
def test_gaussian_down_is_a_gaussian_and_one_of_every_few_pixels(scale, sigma, kept):
    y = HR[..., 0] / 255
    lr, condition = find_degradation("gaussian_down")(y, scale, draws_for_image("a", scale))
    blurred = ndimage.gaussian_filter(y, sigma, mode="nearest", truncate=4.0)
    np.testing.assert_allclose(lr, blurred[kept::scale, kept::scale], atol=1e-12)
    assert lr.shape == (96 // scale, 96 // scale) and condition is None
    np.testing.assert_allclose(imresize(blurred, 1 / scale, "nearest"), blurred[kept::scale, kept::scale], atol=1e-15)
    colour, _ = find_degradation("gaussian_down")(HR, scale, draws_for_image("a", scale))
    assert colour.dtype == np.uint8
    assert np.abs(colour[..., 0] - np.floor(255 * lr + 0.5)).max() == 0


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_gaussian_down_damps_the_finest_wave_of_the_lr_image_as_bicubic_does(scale):
    """A cosine of a period of two LR pixels, with its crests on those of every second LR pixel."""
    position = np.arange(48 * scale) - (scale // 2)
    wave = np.tile(np.cos(np.pi * position / scale), (4 * scale, 1))
    blurred, _ = find_degradation("gaussian_down")(wave, scale, draws_for_image("a", scale))
    centred = np.tile(np.cos(np.pi * (np.arange(48 * scale) - (scale - 1) / 2) / scale), (4 * scale, 1))
    amplitude = np.abs(imresize(centred, 1 / scale)[:, 8:-8]).mean()
    assert np.abs(blurred[:, 8:-8]).mean() == pytest.approx(0.5, abs=0.005)
    assert amplitude == pytest.approx(0.5, abs=0.015)


def test_noise_down_adds_gaussian_noise_of_30_levels_to_bicubic():
    grey = np.full((300, 300), 128, np.uint8)
    lr, _ = find_degradation("noise_down")(grey, 3, draws_for_image("a", 3))
    noise = lr.astype(float) - 128
    assert lr.shape == (100, 100)
    assert abs(noise.mean()) < 1.2 and noise.std() == pytest.approx(30, abs=0.9)  # four standard errors
    assert abs(np.corrcoef(noise[:, :-1].ravel(), noise[:, 1:].ravel())[0, 1]) < 0.05
    clean = imresize(HR, 1 / 3).astype(float)
    noisy, _ = find_degradation("noise_down")(HR, 3, draws_for_image("a", 3))
    draws = draws_for_image("a", 3).standard_normal(clean.shape)
    np.testing.assert_array_equal(noisy, np.floor(clean + 30 * draws + 0.5).clip(0, 255))


@needs_shared
@pytest.mark.parametrize(("degradation", "psnr", "ssim"), [("blur_down", 28.78, 0.8308), ("noise_down", 24.01, 0.5369)])
def test_bicubic_is_as_good_as_in_print(tmp_path, degradation, psnr, ssim):
    """RDN's table of BD and DN, Set5 at x3. Our noise is not theirs."""
    words = ["model=bicubic", "scale=3", f"data.degradation={degradation}", f"data.root={SHARED / 'data'}"]
    (row,) = evaluate_config(compose("evaluate", [*words, "sets=[set5]", f"out={tmp_path}"]))
    noisy = degradation == "noise_down"
    assert row.psnr == pytest.approx(psnr, abs=0.1 if noisy else 0.015)
    assert row.ssim == pytest.approx(ssim, abs=0.005 if noisy else 0.0015)


def test_an_image_has_the_same_noise_whenever_it_is_measured():
    first, again, other = (
        find_degradation("noise_down")(HR, 3, draws_for_image(name, 3))[0] for name in ("a", "a", "b")
    )
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_an_unknown_degradation():
    with pytest.raises(SrlabError, match=r"data\.degradation=blurdown: expected one of .*Did you mean 'blur_down'"):
        find_degradation("blurdown")
    with pytest.raises(SrlabError, match="unknown: its LR images cannot be made from HR"):
        find_degradation("unknown")(HR, 2, draws_for_image("a", 2))


def data(*overrides: str, scale: int = 3) -> SuperResolutionData:
    words = ["data=sample", "data.sample_images=3", "data.sample_size=64", "data.patch_size=8", "data.batch_size=4"]
    config = parse(compose("train", [*words, *overrides]), TrainConfig).data
    return SuperResolutionData(config, (scale,), protocol("luma"), seed=0)


def test_patches_of_blur_down_are_cut_from_the_blurred_image():
    module = data("data.degradation=blur_down", "data.augment=false")
    batch = next(iter(module.dataset(range(1))))
    stored = module.stores[1][3].images
    expected = find_degradation("blur_down").shrink(module.training.read(0)[:63, :63], 3)
    assert np.array_equal(stored[0], expected.transpose(2, 0, 1)) and batch.condition.shape == (4, 226)
    assert batch.condition.is_contiguous()  # memory that rows share cannot be pinned for a GPU
    assert data().stores is None and data("data.degradation=blur_down").state_dict()["degradation"] == "blur_down"


def test_patches_of_noise_down_have_new_noise_at_every_step_and_the_same_on_any_number_of_processes():
    clean, noisy = data("data.augment=false"), data("data.degradation=noise_down", "data.augment=false")
    (before,), (first, second) = list(clean.dataset(range(1))), list(noisy.dataset(range(2)))
    noise = first.lr.double() - before.lr.double()
    assert noise.std() > 15 and torch.equal(first.hr, before.hr)
    assert not torch.equal(first.lr, second.lr)
    assert torch.equal(next(iter(noisy.dataset(range(1, 2)))).lr, second.lr)  # a run that resumes at step 1
    halves = [next(iter(noisy.dataset(range(1), rank, 2))).lr for rank in range(2)]
    assert torch.equal(torch.cat(halves), first.lr)


class KnownNoise(Bicubic):
    """Noise of a random strength, which the network is told."""

    is_random = True

    def corrupt(self, lr, random):
        sigma = random.uniform(0, 50)
        noisy = (lr + sigma * random.standard_normal(lr.shape)).clip(0, 255).astype(np.uint8)
        return noisy, np.array([sigma], np.float32)


@pytest.fixture
def known_noise(monkeypatch):
    monkeypatch.setitem(degradations.DEGRADATIONS, "known_noise", KnownNoise("known_noise"))


def test_a_condition_reaches_batches_and_pairs(known_noise):
    module = data("data.degradation=known_noise")
    batch = next(iter(module.dataset(range(1))))
    assert batch.condition.shape == (4, 1) and batch.condition.dtype == torch.float32
    assert len(set(batch.condition.flatten().tolist())) == 4
    pair = module.validation.pair(0, 3, protocol("luma"))
    assert pair.condition.shape == (1, 1) and 0 <= float(pair.condition) <= 50
    assert torch.equal(pair.condition, module.validation.pair(0, 3, protocol("luma")).condition)


class ToldOfNoise(SRNetwork):
    """Nearest neighbour, and a convolution that also sees the noise level."""

    seen: ClassVar[list[tuple[bool, torch.Size, torch.Tensor]]] = []  # training, shape of lr, condition

    def __init__(self, scale: int = 3) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(2, 1, 3, padding=1)
        self.traits = Traits((scale,), channels=1, receptive_field=1, condition_length=1)

    def forward(self, lr, scale, condition=None):
        if lr.device.type != "meta":  # else only its operations are counted
            self.seen.append((self.training, lr.shape, condition.clone()))
        maps = condition[:, :, None, None].expand(-1, -1, *lr.shape[2:]) / 255
        changed = lr + self.convolution(torch.cat([lr, maps], dim=1))
        return changed.repeat_interleave(scale, dim=2).repeat_interleave(scale, dim=3)


def test_a_run_tells_its_network_the_condition_in_training_validation_and_evaluation(
    known_noise, tmp_path, monkeypatch
):
    monkeypatch.setitem(METHODS, "told", plain_method("told", ToldOfNoise))
    monkeypatch.setitem(NETWORKS, "told", ToldOfNoise)
    monkeypatch.setattr(ToldOfNoise, "seen", [])
    words = ["model=fsrcnn", "scale=3", "data=sample", "data.sample_images=3", "data.sample_size=64", "data.margin=0",
             "data.patch_size=8", "data.batch_size=4", "data.degradation=known_noise", "model.name=told",
             "sets=[sample]", "trainer.max_steps=2", "trainer.val_check_interval=1", f"runs={tmp_path}"]  # fmt: skip
    cfg = compose("train", words)
    cfg.model.method, cfg.model.network = "told", {"scale": 3}
    train_config(cfg)

    trained = [condition for training, _, condition in ToldOfNoise.seen if training]
    assert [condition.shape for condition in trained] == [(4, 1)] * 2
    expected = data("data.degradation=known_noise").dataset(range(2))
    assert all(torch.equal(ours, batch.condition) for ours, batch in zip(trained, expected, strict=True))

    images = [*photo_set("valid", photos.VALIDATION, "known_noise").pairs(3, protocol("luma"))]
    images += photo_set("test", photos.TEST, "known_noise").pairs(3, protocol("luma"))
    known = {(pair.lr.shape[2:], float(pair.condition)) for pair in images}
    used = {(shape[2:], float(condition)) for training, shape, condition in ToldOfNoise.seen if not training}
    assert len(known) == 5 and known <= used


@pytest.mark.parametrize("name", [name for name, known in DEGRADATIONS.items() if not known.needs_files])
@pytest.mark.parametrize("rules", ["classic", "luma", "rgb"])
def test_every_protocol_measures_every_degradation(name, rules):
    picture = Picture("a", lambda: HR)
    pair = ImageSet("one", (picture,), name).pair(0, 3, protocol(rules))
    assert pair.lr.dtype == torch.float32 and pair.lr.shape[2:] == (32, 32)
    source = protocol(rules).degraded(HR)
    lr, _ = find_degradation(name)(source, 3, draws_for_image("a", 3))
    levels = torch.from_numpy(lr.astype(np.float64) / (255 if lr.dtype == np.uint8 else 1)).float()
    planes = pair.lr[0].permute(1, 2, 0).squeeze(-1)
    torch.testing.assert_close(planes, levels, atol=1e-6, rtol=0)


def test_evaluation_names_the_degradation_and_compares_with_nothing_in_print(tmp_path):
    words = ["model=bicubic", "scale=3", "data.degradation=blur_down", "sets=[sample]", f"out={tmp_path}"]
    [row] = evaluate_config(compose("evaluate", words))
    assert row.set == "sample_blur_down" and row.published is None and row.psnr > 20


def test_lr_files_are_not_taken_for_a_degradation_that_is_made(tmp_path):
    write_image(tmp_path / "HR" / "a.png", HR)
    write_image(tmp_path / "LR_bicubic" / "X3" / "ax3.png", np.zeros((32, 32, 3), np.uint8))
    for degradation, dark in (("bicubic", True), ("blur_down", False)):
        (images,) = evaluation_sets([str(tmp_path)], tmp_path, degradation)
        assert (float(images.pair(0, 3, protocol("luma")).lr.max()) == 0) is dark


def test_a_training_set_of_generated_images_knows_its_degradation():
    images = data("data.degradation=blur_down").training
    assert replace(images, degradation=find_degradation("bicubic")).degradation.name == "bicubic"
    assert images.degradation.name == "blur_down"
