"""Patches: a pure function of (seed, step), HR and LR aligned, the same on any number of processes."""

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from srlab.data.images import list_images
from srlab.data.patches import PatchDataset, PatchSampler, orient
from srlab.data.training_set import from_files, synthetic


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    cache = tmp_path_factory.mktemp("cache")
    images = synthetic(6, 64)
    return images.hr_store(cache), {scale: images.lr_store(cache, scale) for scale in (2, 3)}


def dataset(stores, rank=0, world=1, steps=range(1000), batch=8, seed=0, scales=(2, 3), augment=True) -> PatchDataset:
    hr, lr = stores
    sizes = {scale: lr[scale].sizes for scale in scales}
    return PatchDataset(hr, lr, PatchSampler(sizes, 12, batch, seed, augment), steps, rank, world)


def test_the_same_seed_and_step_give_the_same_patches(stores):
    for step in (0, 7, 123456):
        first, second = dataset(stores).batch(step), dataset(stores).batch(step)
        assert first.scale == second.scale
        assert torch.equal(first.hr, second.hr) and torch.equal(first.lr, second.lr)
    assert not torch.equal(dataset(stores).batch(1).hr[:, :, :24, :24], dataset(stores).batch(2).hr[:, :, :24, :24])
    assert not torch.equal(dataset(stores, scales=(2,)).batch(1).hr, dataset(stores, scales=(2,), seed=1).batch(1).hr)


@pytest.mark.parametrize("world", [2, 4])
def test_processes_together_see_what_one_would(stores, world):
    for step in range(5):
        whole = dataset(stores).batch(step)
        shares = [dataset(stores, rank, world).batch(step) for rank in range(world)]
        assert {share.scale for share in shares} == {whole.scale}
        assert torch.equal(torch.cat([share.hr for share in shares]), whole.hr)
        assert torch.equal(torch.cat([share.lr for share in shares]), whole.lr)


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_loader_processes_change_nothing(stores, workers):
    steps = range(5, 12)
    loader = DataLoader(dataset(stores, steps=steps), batch_size=None, num_workers=workers)
    batches = list(loader)
    assert len(batches) == len(steps)
    for step, batch in zip(steps, batches, strict=True):
        assert torch.equal(batch.hr, dataset(stores).batch(step).hr)


def test_every_patch_is_where_the_draw_says(stores):
    hr, lr = stores
    data = dataset(stores, batch=40)
    draw, batch = data.sampler.draw(3), data.batch(3)
    size, scale = 12, draw.scale
    assert batch.hr.dtype == torch.uint8 and batch.hr.shape == (40, 3, size * scale, size * scale)
    for i in range(40):
        y, x = draw.top[i], draw.left[i]
        small = lr[scale].images[draw.image[i]][:, y : y + size, x : x + size]
        large = hr.images[draw.image[i]][:, y * scale : (y + size) * scale, x * scale : (x + size) * scale]
        np.testing.assert_array_equal(batch.lr[i], orient(small, draw.orientation[i]))
        np.testing.assert_array_equal(batch.hr[i], orient(large, draw.orientation[i]))


def test_lr_and_hr_show_the_same_place(stores):
    """By content alone: the HR patch averaged over blocks is close to its own LR patch, and to no other."""
    batch = dataset(stores, batch=32, scales=(2,)).batch(0)
    blocks = torch.nn.functional.avg_pool2d(batch.hr.float(), 2)
    distance = (blocks[:, None] - batch.lr[None].float()).abs().mean(dim=(2, 3, 4))
    assert torch.equal(distance.argmin(dim=1), torch.arange(32))


def test_orientations_are_the_eight_symmetries():
    image = np.arange(12).reshape(1, 3, 4)
    expected = [np.rot90(base, turns, axes=(1, 2)) for base in (image, image[:, :, ::-1]) for turns in range(4)]
    ours = {orient(image, i).tobytes() + bytes(orient(image, i).shape) for i in range(8)}
    assert ours == {view.tobytes() + bytes(view.shape) for view in expected} and len(ours) == 8


def test_draws_cover_images_positions_orientations_and_scales(stores):
    sampler = dataset(stores, batch=64).sampler
    draws = [sampler.draw(step) for step in range(60)]
    assert {draw.scale for draw in draws} == {2, 3}
    for scale, limit in ((2, 64 // 2 - 12), (3, 64 // 3 - 12)):
        tops = np.concatenate([draw.top for draw in draws if draw.scale == scale])
        assert tops.min() == 0 and tops.max() == limit
    assert set(np.concatenate([draw.orientation for draw in draws])) == set(range(8))
    counts = np.bincount(np.concatenate([draw.image for draw in draws]), minlength=6)
    assert counts.min() > 0.8 * counts.mean()


def test_without_augmentation_patches_stand_upright(stores):
    assert set(dataset(stores, augment=False).sampler.draw(0).orientation) == {0}


def test_images_of_different_sizes(photos_folder, tmp_path):
    images = from_files(list_images(photos_folder))
    hr, lr = images.hr_store(tmp_path / "c"), images.lr_store(tmp_path / "c", 2)
    data = PatchDataset(hr, {2: lr}, PatchSampler({2: lr.sizes}, 30, 16, 0), range(3))
    assert [batch.hr.shape for batch in data] == [(16, 3, 60, 60)] * 3
