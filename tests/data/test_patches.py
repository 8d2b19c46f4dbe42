"""Patches: a pure function of (seed, step), HR and LR aligned, the same on any number of processes."""

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from srlab.data.patches import PatchDataset
from srlab.data.random_draws import PatchSampler, PatchShape
from srlab.data.training_set import from_files, synthetic
from srlab.errors import SrlabError
from srlab.imaging.folders import list_images
from srlab.imaging.resize import imresize
from srlab.imaging.symmetries import orient
from srlab.methods.pre_upsampling import enlarge


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    cache = tmp_path_factory.mktemp("cache")
    images = synthetic(6, 64)
    return images.hr_store(cache), {scale: images.lr_store(cache, scale) for scale in (2, 3)}


def dataset(stores, rank=0, world=1, steps=range(1000), batch=8, seed=0, scales=(2, 3), augment=True) -> PatchDataset:
    hr, lr = stores
    sizes = {scale: lr[scale].sizes for scale in scales}
    return PatchDataset(hr, lr, PatchSampler(sizes, PatchShape(12), batch, seed, augment), steps, rank, world)


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
    size, scale = 12, batch.scale
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
    assert all(len(set(draw.scale)) == 1 for draw in draws)
    assert {draw.scale[0] for draw in draws} == {2, 3}
    for scale, limit in ((2, 64 // 2 - 12), (3, 64 // 3 - 12)):
        tops = np.concatenate([draw.top for draw in draws if draw.scale[0] == scale])
        assert tops.min() == 0 and tops.max() == limit
    assert set(np.concatenate([draw.orientation for draw in draws])) == set(range(8))
    counts = np.bincount(np.concatenate([draw.image for draw in draws]), minlength=6)
    assert counts.min() > 0.8 * counts.mean()


def test_without_augmentation_patches_stand_upright(stores):
    assert set(dataset(stores, augment=False).sampler.draw(0).orientation) == {0}


def test_images_of_different_sizes(photos_folder, tmp_path):
    images = from_files(list_images(photos_folder))
    hr, lr = images.hr_store(tmp_path / "c"), images.lr_store(tmp_path / "c", 2)
    data = PatchDataset(hr, {2: lr}, PatchSampler({2: lr.sizes}, PatchShape(30), 16, 0), range(3))
    assert [batch.hr.shape for batch in data] == [(16, 3, 60, 60)] * 3


def mixed(stores, rank=0, world=1, augment=True, hr_side=25) -> PatchDataset:
    """A scale for each sample, HR patches of one size, and a margin, as VDSR trains."""
    hr, lr = stores
    sizes = {scale: lr[scale].sizes for scale in (2, 3)}
    sampler = PatchSampler(sizes, PatchShape(12, hr_side, margin=2), 16, 0, augment, scale_per="sample")
    return PatchDataset(hr, lr, sampler, range(10), rank, world)


def test_samples_have_scales_of_their_own(stores):
    drawn = np.concatenate([mixed(stores).sampler.draw(step).scale for step in range(50)])
    assert 0.4 < np.mean(drawn == 2) < 0.6 and set(drawn) == {2, 3}
    parts = mixed(stores).batch(0)
    assert [part.scale for part in parts] == [2, 3] and sum(len(part.hr) for part in parts) == 16
    assert {part.hr.shape[1:] for part in parts} == {(3, 25, 25)}
    assert [part.lr.shape[2] for part in parts] == [13 + 4, 9 + 4]


@pytest.mark.parametrize("augment", [False, True])
def test_an_enlarged_patch_is_cut_from_the_enlarged_image(stores, augment):
    """As SRCNN and VDSR were trained: no patch border in the bicubic enlargement, thanks to the margin."""
    hr, lr = stores
    data = mixed(stores, augment=augment)
    draw = data.sampler.draw(0)
    for part in data.batch(0):
        scale = part.scale
        patches = enlarge(part._replace(lr=part.lr.double(), hr=part.hr))
        rows = np.flatnonzero(draw.scale == scale)
        for patch, target, i in zip(patches, part.hr, rows, strict=True):
            image, turn = draw.image[i], draw.orientation[i]
            whole = imresize(torch.from_numpy(lr[scale].images[image].copy())[None].double(), scale)[0].numpy()
            y, x, side = (draw.top[i] + 2) * scale, (draw.left[i] + 2) * scale, -(-25 // scale) * scale
            expected = orient(whole[:, y : y + side, x : x + side], turn)[:, :25, :25]
            np.testing.assert_allclose(patch, expected, atol=1e-9)
            expected = orient(hr.images[image][:, y : y + side, x : x + side], turn)[:, :25, :25]
            np.testing.assert_array_equal(target, expected)


def test_processes_together_see_what_one_would_of_mixed_scales(stores):
    whole = mixed(stores).batch(4)
    shares = [part for rank in range(2) for part in mixed(stores, rank, 2).batch(4)]
    for part in whole:
        together = torch.cat([share.hr for share in shares if share.scale == part.scale])
        assert torch.equal(together, part.hr)


def test_the_least_image_that_mixed_patches_need():
    assert PatchShape(48).needed([2, 3, 4]) == 192
    assert PatchShape(48, 41, margin=2).needed([2, 3, 4]) == (11 + 4) * 4


def test_a_scale_for_each_of_something_else(stores):
    with pytest.raises(SrlabError, match=r"data\.scale_per=image: expected batch or sample"):
        PatchSampler({2: stores[1][2].sizes}, PatchShape(12), 4, 0, scale_per="image")
