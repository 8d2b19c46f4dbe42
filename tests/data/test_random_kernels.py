"""SRMD's degradation: LR images and patches with a random kernel and noise level, of which the network is told."""

import numpy as np
import pytest
import torch
from helpers import write_image
from scipy import ndimage
from torch.utils.data import DataLoader

from srlab.commands.evaluation import evaluate_config
from srlab.config.compose import compose
from srlab.config.parse import parse
from srlab.config.schema import TrainConfig
from srlab.data import photos
from srlab.data.datamodule import SuperResolutionData
from srlab.data.degradations import BlurBicubic, draws_for_image, find_degradation
from srlab.data.evaluation_sets import evaluation_sets, photo_set
from srlab.data.patches import PatchDataset
from srlab.data.random_draws import PatchSampler, PatchShape
from srlab.data.synthetic import synthetic_image
from srlab.data.training_set import synthetic
from srlab.errors import SrlabError
from srlab.imaging.blur_kernels import delta_kernel, gaussian_kernel, isotropic_kernel, told
from srlab.imaging.resize import imresize
from srlab.imaging.symmetries import orient
from srlab.metrics.protocol import protocol
from srlab.training.run import train_config

HR = synthetic_image(0, 96)
DELTA = told(delta_kernel())
LEANING = gaussian_kernel(np.array([[4.0, 1.8], [1.8, 2.0]]))


def kernel_of(condition: np.ndarray) -> np.ndarray:
    return condition[:-1].reshape(15, 15)


# Whole images


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_blur_then_bicubic_in_plain_functions(scale):
    lr, condition = BlurBicubic("srmd", LEANING)(HR, scale, draws_for_image("a", scale))
    exact = np.stack([ndimage.correlate(HR[..., c].astype(float), LEANING, mode="nearest") for c in range(3)], -1)
    blurred = np.floor(exact + 0.5).astype(np.uint8)
    difference = lr.astype(int) - imresize(blurred, 1 / scale)
    assert np.abs(difference).max() <= 1 and (difference != 0).mean() < 1e-3  # a tie may round either way
    np.testing.assert_allclose(kernel_of(condition), LEANING, rtol=1e-6)
    lr, _ = BlurBicubic("srmd", LEANING)(HR / 255, scale, draws_for_image("a", scale))
    np.testing.assert_allclose(lr, imresize(exact / 255, 1 / scale), atol=1e-12)  # floating point is not rounded


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_kernel_that_blurs_nothing_leaves_bicubic(scale):
    lr, condition = BlurBicubic("srmd")(HR, scale, draws_for_image("a", scale))
    assert np.array_equal(lr, imresize(HR, 1 / scale)) and np.array_equal(condition, DELTA)


@pytest.mark.parametrize("name", ["srmd", "srmdnf"])
def test_an_image_has_the_kernel_and_the_noise_that_the_network_is_told(name):
    levels = []
    for image in range(12):
        lr, condition = find_degradation(name)(HR, 2, draws_for_image(str(image), 2))
        clean, _ = BlurBicubic(name, kernel_of(condition).astype(float))(HR, 2, draws_for_image("a", 2))
        levels.append(condition[-1] * 255)
        inside = (clean > 60) & (clean < 195)  # where hardly any noise is clipped
        noise = (lr.astype(float) - clean)[inside]
        assert noise.std() == pytest.approx(levels[-1], rel=0.12, abs=0.4)
    assert (max(levels) == 0) if name == "srmdnf" else (0 <= min(levels) < 25 and 50 < max(levels) <= 75)


def test_it_has_the_papers_scales_alone():
    for scale in (1, 5, 8):
        with pytest.raises(SrlabError, match=rf"srmd: is defined at scale=2, 3, 4, not at {scale}\."):
            find_degradation("srmd")(HR, scale, draws_for_image("a", scale))


def test_an_image_that_is_measured_is_always_the_same():
    lr, condition = find_degradation("srmd")(HR, 2, draws_for_image("a", 2))
    again, same = find_degradation("srmd")(HR, 2, draws_for_image("a", 2))
    other, another = find_degradation("srmd")(HR, 2, draws_for_image("b", 2))
    assert np.array_equal(lr, again) and np.array_equal(condition, same)
    assert not np.array_equal(lr, other) and not np.array_equal(condition, another)


# What is told of the others


def test_bicubic_tells_that_nothing_is_blurred(tmp_path):
    """Of LR files too, which nobody degrades here."""
    write_image(tmp_path / "HR" / "a.png", HR)
    write_image(tmp_path / "LR_bicubic" / "X2" / "ax2.png", imresize(HR, 1 / 2))
    (from_file,) = evaluation_sets([str(tmp_path)], tmp_path)
    for images in (from_file, photo_set("sample", photos.TEST)):
        for rules in ("luma", "classic", "srmd"):
            assert np.array_equal(images.pair(0, 2, protocol(rules)).condition[0], DELTA)
    batch = next(iter(data("data.degradation=bicubic").dataset(range(1))))
    assert np.array_equal(batch.condition, np.stack([DELTA] * 4))


def test_noise_down_tells_its_noise():
    _, condition = find_degradation("noise_down")(HR, 3, draws_for_image("a", 3))
    assert np.array_equal(condition, told(delta_kernel(), 30 / 255))


def test_blur_down_tells_the_gaussian_before_bicubic_that_comes_nearest():
    """On photos: within 0.1 of the best width, and what is left is a fraction of what its own width leaves."""
    images = [photos.photo(title)[60:240, 60:240] / 255 for title in photos.TEST]
    exact = [find_degradation("blur_down")(image, 3, draws_for_image("a", 3))[0] for image in images]

    def rest(width: float) -> float:
        made = [BlurBicubic("srmd", isotropic_kernel(width))(image, 3, draws_for_image("a", 3))[0] for image in images]
        return float(np.mean([np.square(a - b)[4:-4, 4:-4].mean() for a, b in zip(made, exact, strict=True)]))

    told_width = find_degradation("blur_down").WIDTH_TOLD
    widths = [told_width + 0.05 * step for step in range(-4, 5)]
    best = min(widths, key=rest)
    assert abs(best - told_width) <= 0.1 and rest(told_width) < 0.25 * rest(1.6)
    condition = find_degradation("blur_down").condition
    np.testing.assert_allclose(kernel_of(condition), isotropic_kernel(told_width), rtol=1e-6)


@pytest.mark.parametrize("name", ["unknown", "mild", "gaussian_down"])
def test_others_tell_nothing(name):
    assert find_degradation(name).condition is None


# Patches


def data(*overrides: str, scale: int = 2) -> SuperResolutionData:
    words = ["data=sample", "data.sample_images=3", "data.sample_size=65", "data.patch_size=8", "data.batch_size=4"]
    config = parse(compose("train", [*words, "data.degradation=srmd", *overrides]), TrainConfig).data
    return SuperResolutionData(config, (scale,), protocol("luma"), seed=0)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_patch_is_that_of_the_degraded_image(scale, tmp_path):
    """At every place, borders included, and in all orientations; 65 is no multiple of the scales."""
    hr, side = synthetic(2, 65).hr_store(tmp_path), 6
    family = find_degradation("srmdnf")
    sampler = PatchSampler({scale: hr.sizes // scale}, PatchShape(side), batch_size=64, seed=0)
    dataset = PatchDataset(hr, {}, sampler, range(1), degradation=family)
    draw, batch, whole = sampler.draw(0), dataset.batch(0), 65 // scale * scale
    assert {0, whole // scale - side} <= {*draw.top.tolist(), *draw.left.tolist()}
    off = 0
    for i in range(64):
        turn, y, x = draw.orientation[i], draw.top[i], draw.left[i]
        image = hr.images[draw.image[i]][:, :whole, :whole].transpose(1, 2, 0)
        kernel = family.member(scale, sampler.draws(0, i)).kernel
        degraded = BlurBicubic("srmd", kernel).shrink(image, scale).transpose(2, 0, 1)
        expected = orient(degraded[:, y : y + side, x : x + side], turn)
        off = max(off, np.abs(batch.lr[i].numpy().astype(int) - expected).max())
        np.testing.assert_allclose(kernel_of(batch.condition[i].numpy()), orient(kernel, turn), atol=1e-7)
    assert off == 0


def test_what_is_told_of_a_turned_patch_is_its_own_kernel(tmp_path):
    """The HR patch itself, blurred by the kernel that is told, gives the middle of the LR patch."""
    hr = synthetic(2, 128).hr_store(tmp_path)
    sampler = PatchSampler({2: hr.sizes // 2}, PatchShape(40), batch_size=16, seed=1)
    batch = PatchDataset(hr, {}, sampler, range(1), degradation=find_degradation("srmdnf")).batch(0)
    assert len(set(sampler.draw(0).orientation.tolist())) > 4
    for i in range(16):
        kernel = kernel_of(batch.condition[i].numpy()).astype(float)
        again = BlurBicubic("srmd", kernel).shrink(batch.hr[i].permute(1, 2, 0).numpy(), 2)
        difference = again[8:-8, 8:-8].astype(int) - batch.lr[i].permute(1, 2, 0).numpy()[8:-8, 8:-8]
        assert np.abs(difference).max() <= 1  # rows and columns are rounded in another order


def test_every_patch_has_its_own_kernel_and_noise_the_same_on_any_number_of_processes():
    module = data("data.margin=1")
    first, second = module.dataset(range(2))
    assert first.lr.shape == (4, 3, 10, 10) and first.hr.shape == (4, 3, 16, 16)
    assert len(torch.unique(torch.cat([first.condition, second.condition]), dim=0)) == 8
    assert torch.equal(next(iter(module.dataset(range(1, 2)))).lr, second.lr)  # a run that resumes at step 1
    for world in (2, 4):
        shares = [next(iter(module.dataset(range(1), rank, world))) for rank in range(world)]
        assert torch.equal(torch.cat([share.lr for share in shares]), first.lr)
        assert torch.equal(torch.cat([share.condition for share in shares]), first.condition)
    by_workers = list(DataLoader(module.dataset(range(2)), batch_size=None, num_workers=2))
    assert torch.equal(by_workers[1].lr, second.lr) and torch.equal(by_workers[1].condition, second.condition)


def test_noise_of_patches_has_the_level_that_is_told():
    clean, noisy = (next(iter(data(f"data.degradation={name}", "data.batch_size=32").dataset(range(1))))
                    for name in ("srmdnf", "srmd"))  # fmt: skip
    assert not clean.condition[:, -1].any() and noisy.condition[:, -1].max() <= 75 / 255
    kernels = noisy.condition[:, :-1]
    assert torch.equal(kernels, clean.condition[:, :-1])  # the kernel is drawn first
    for i in range(32):
        inside = (clean.lr[i] > 80) & (clean.lr[i] < 175)
        if inside.sum() > 100:
            noise = (noisy.lr[i].double() - clean.lr[i].double())[inside]
            assert float(noise.std()) == pytest.approx(float(noisy.condition[i, -1]) * 255, rel=0.3, abs=1)


def test_no_lr_images_are_kept_for_it():
    module = data()
    module.setup()
    assert module.stores[1] == {}
    with pytest.raises(SrlabError, match="srmd: is defined at scale=2, 3, 4, not at 8"):
        data(scale=8).setup()


def test_training_may_have_another_degradation_than_what_is_measured(tmp_path):
    module = data("data.degradation=bicubic", "data.train_degradation=srmd")
    assert module.state_dict()["degradation"] == "srmd" and module.validation.degradation == "bicubic"
    batch = next(iter(module.dataset(range(1))))
    assert torch.equal(batch.lr, next(iter(data().dataset(range(1)))).lr)
    assert np.array_equal(module.validation.pair(0, 2, protocol("luma")).condition[0], DELTA)
    with pytest.raises(SrlabError, match=r"data\.train_degradation=smrd: expected one of .*Did you mean 'srmd'"):
        data("data.train_degradation=smrd")
    for index in range(12):
        write_image(tmp_path / f"{index}.png", synthetic_image(index, 64))
    folder = data("data=folder", f"data.train=[{tmp_path}]", "data.degradation=bicubic", "data.train_degradation=srmd")
    held_out = {picture.name for picture in folder.validation.pictures}
    assert held_out and not held_out & {*folder.training.names}
    assert np.array_equal(folder.validation.pair(0, 2, protocol("luma")).condition[0], DELTA)


# Runs

TINY = ["model.network.features=4", "model.network.convolutions=2", "data=sample", "data.sample_images=3",
        "data.sample_size=64", "data.patch_size=8", "data.batch_size=4", "sets=[sample]"]  # fmt: skip


@pytest.mark.slow
def test_a_run_and_its_checkpoint(tmp_path):
    words = ["model=srmd", "scale=2", *TINY, "trainer.max_steps=3", "trainer.val_check_interval=3"]
    train_config(compose("train", [*words, f"runs={tmp_path}"]))
    ckpt = f"ckpt={tmp_path / 'srmd_x2_sample'}"
    [row] = evaluate_config(compose("evaluate", [ckpt, "sets=[sample]", f"out={tmp_path / 'a'}"]))
    assert row.set == "sample" and row.method == "srmd" and np.isfinite(row.psnr)
    [blurred] = evaluate_config(
        compose("evaluate", [ckpt, "sets=[sample]", "data.degradation=srmd", f"out={tmp_path / 'b'}", "tile=40"])
    )
    assert blurred.set == "sample_srmd" and np.isfinite(blurred.psnr)
    with pytest.raises(SrlabError, match=r"condition: .* needs 226 values for each of 1 images and got none"):
        words = [ckpt, "sets=[sample]", "data.degradation=gaussian_down", f"out={tmp_path / 'c'}"]
        evaluate_config(compose("evaluate", words))


def test_a_degradation_of_which_nothing_is_known_is_refused_before_the_first_step(tmp_path):
    words = ["model=srmd", "scale=2", *TINY, "trainer.max_steps=3", f"runs={tmp_path}"]
    for option in ("train_degradation", "degradation"):
        with pytest.raises(SrlabError, match=r"data\.degradation=gaussian_down: srmd has to be told of it by 226 val"):
            train_config(compose("train", [*words, f"data.{option}=gaussian_down"]))


@pytest.mark.slow
def test_a_resumed_run_trains_the_same_network(tmp_path):
    words = ["model=srmd", "scale=2", *TINY, "trainer.max_steps=4", "trainer.val_check_interval=2", f"runs={tmp_path}"]
    for more in (["name=one"], ["name=parts", "trainer.stop_after=2"], ["name=parts", "resume=auto"]):
        train_config(compose("train", [*words, *more]))
    whole, parts = (
        torch.load(tmp_path / name / "checkpoints" / "last.ckpt", weights_only=True) for name in ("one", "parts")
    )
    assert whole["global_step"] == parts["global_step"] == 4
    for key, value in whole["state_dict"].items():
        assert torch.equal(parts["state_dict"][key], value), key
