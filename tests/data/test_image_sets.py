"""Benchmark sets as they lie on disk: crops, LR files, grey images, and wrong trees."""

import numpy as np
import pytest
from helpers import write_image

from srlab.data.catalog import CATALOG
from srlab.data.evaluation_sets import catalog_set, evaluation_sets, photo_set
from srlab.errors import SrlabError
from srlab.imaging.files import read_image
from srlab.imaging.resize import imresize
from srlab.metrics.protocol import protocol


@pytest.fixture
def set5(tmp_path):
    """Set5's layout: odd sizes, one grey image, LR files at x2 only."""
    random = np.random.default_rng(0)
    for i, name in enumerate(("baby", "bird", "butterfly", "head", "woman")):
        shape = (41 + i, 38 + i) if name == "head" else (41 + i, 38 + i, 3)
        image = random.integers(0, 256, shape, dtype=np.uint8)
        write_image(tmp_path / f"benchmark/Set5/HR/{name}.png", image)
        lr = imresize(image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2], 1 / 2)
        lr[0, 0] = 7
        write_image(tmp_path / f"benchmark/Set5/LR_bicubic/X2/{name}x2.png", lr)
    return tmp_path


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_hr_is_cropped_and_lr_fits(set5, scale):
    pairs = list(catalog_set(CATALOG["set5"], set5).pairs(scale, protocol("luma")))
    assert [pair.name for pair in pairs] == ["baby", "bird", "butterfly", "head", "woman"]
    for pair in pairs:
        assert pair.hr.shape[0] % scale == 0 and pair.hr.shape[1] % scale == 0
        assert tuple(side * scale for side in pair.lr.shape[2:]) == pair.hr.shape[:2]
        assert pair.lr.shape[1] == (1 if pair.name == "head" else 3)
        assert (pair.lr[..., 0, 0] * 255).round().eq(7).all() == (scale == 2)  # its own files where it has them


def test_lr_saved_with_other_channels_than_hr(set5):
    path = set5 / "benchmark/Set5/LR_bicubic/X2/headx2.png"
    grey = read_image(path)
    write_image(path, np.stack([grey] * 3, axis=2))
    pair = catalog_set(CATALOG["set5"], set5).pair(3, 2, protocol("luma"))
    np.testing.assert_array_equal((pair.lr[0, 0] * 255).round().numpy(), grey)


def test_lr_of_the_wrong_size(set5):
    write_image(set5 / "benchmark/Set5/LR_bicubic/X2/birdx2.png", np.zeros((20, 19, 3), np.uint8))
    with pytest.raises(SrlabError, match=r"birdx2\.png is 19x20, but bird \(38x42\) at x2 needs 19x21"):
        list(catalog_set(CATALOG["set5"], set5).pairs(2, protocol("luma")))


def test_an_incomplete_set(set5):
    (set5 / "benchmark/Set5/HR/bird.png").unlink()
    with pytest.raises(SrlabError, match="has 4 images, but Set5 has 5"):
        catalog_set(CATALOG["set5"], set5)


def test_default_sets_are_those_that_are_there(set5, tmp_path):
    assert [s.name for s in evaluation_sets(None, set5)] == ["set5"]
    assert [s.name for s in evaluation_sets(None, tmp_path / "none")] == ["sample"]


@pytest.mark.parametrize(
    ("name", "message"), [("set55", "Did you mean 'set5'"), ("urban100", r"urban100: .*Urban100/HR is not there")]
)
def test_sets_that_are_not_there(set5, name, message):
    with pytest.raises(SrlabError, match=message):
        evaluation_sets([name], set5)


def test_every_bundled_photo_is_there():
    from srlab.data import photos

    for pair in photo_set("all", photos.TEST + photos.VALIDATION).pairs(4, protocol("luma")):
        assert pair.hr.ndim == 3 and pair.hr.shape[2] == 3 and min(pair.hr.shape[:2]) >= 300
