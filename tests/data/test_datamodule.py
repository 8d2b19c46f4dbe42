"""Where training and validation images come from, and what wrong data is told."""

import shutil

import numpy as np
import pytest
import torch
from helpers import write_image

from srlab.config import compose, parse
from srlab.data import photos
from srlab.data.datamodule import SuperResolutionData
from srlab.data.resize import imresize
from srlab.errors import SrlabError
from srlab.metrics.protocol import protocol
from srlab.schema import DataConfig, TrainConfig


def config(*overrides: str) -> DataConfig:
    return parse(compose("train", list(overrides)), TrainConfig).data


def data(*overrides: str, scales=(2,)) -> SuperResolutionData:
    return SuperResolutionData(config(*overrides), scales, protocol("luma"), seed=0)


def folder(path, **options) -> list[str]:
    return ["data=folder", f"data.train=[{path}]", "data.patch_size=16", *(f"data.{k}={v}" for k, v in options.items())]


@pytest.fixture
def div2k(tmp_path):
    """DIV2K's layout with its numbers of images, at 32 x 24 pixels."""
    random = np.random.default_rng(0)
    for part, numbers in (("train", range(1, 13)), ("valid", range(801, 901))):
        for number in numbers:
            image = random.integers(0, 256, (24, 32, 3), dtype=np.uint8)
            write_image(tmp_path / f"DIV2K/DIV2K_{part}_HR/{number:04d}.png", image)
            lr = imresize(image, 1 / 2)
            lr[0, 0] = 7  # a mark: these files are used, not made again
            write_image(tmp_path / f"DIV2K/DIV2K_{part}_LR_bicubic/X2/{number:04d}x2.png", lr)
    return tmp_path


def test_folder_holds_out_images_for_validation(photos_folder):
    module = data(*folder(photos_folder))
    training, validation = set(module.training.names), [p.name for p in module.validation.pictures]
    assert len(training) == 11 and len(validation) == 1
    assert not any(name.endswith(f"{validation[0]}.png") for name in training)


def test_folder_with_its_own_validation(photos_folder, tmp_path):
    shutil.copytree(photos_folder, tmp_path / "valid")
    module = data(*folder(photos_folder, valid=tmp_path / "valid", valid_images=5))
    assert len(module.training.names) == 12 and len(module.validation.pictures) == 5


def test_sample_trains_on_generated_images_alone():
    module = data("data=sample", "data.sample_images=3", "data.sample_size=128")
    assert all(name.startswith("synthetic") for name in module.training.names)
    assert [p.name for p in module.validation.pictures] == list(photos.VALIDATION)
    assert not set(photos.TEST) & set(photos.VALIDATION)


def test_auto_takes_div2k_where_it_is(div2k, tmp_path):
    assert data(f"data.root={div2k}", "data.patch_size=8").kind == "div2k"
    assert data(f"data.root={tmp_path / 'nothing'}").kind == "sample"


def test_div2k_uses_its_own_lr_files_and_ten_validation_images(div2k):
    module = data("data=div2k", f"data.root={div2k}", "data.patch_size=8")
    assert [p.name for p in module.validation.pictures] == [f"{n:04d}" for n in range(801, 811)]
    module.setup()
    assert all((planes[:, 0, 0] == 7).all() for planes in module.stores[1][2].images)
    pair = module.val_dataloader().dataset[0]
    assert (pair.lr[0, :, 0, 0] * 255).round().tolist() == [7, 7, 7]


def test_div2k_makes_the_scale_that_has_no_files(div2k):
    module = data("data=div2k", f"data.root={div2k}", "data.patch_size=8", scales=(3,))
    module.setup()
    assert module.stores[1][3].images[0].shape == (3, 8, 10)


def test_batches_become_floats_on_the_device(photos_folder):
    module = data(*folder(photos_folder))
    batch = next(iter(module.dataset(range(1))))
    floats = module.on_after_batch_transfer(batch, 0)
    assert floats.hr.dtype == torch.float32 and floats.hr.max() <= 1
    assert torch.equal((floats.hr * 255).round().to(torch.uint8), batch.hr)


def test_lr_that_does_not_match(div2k):
    write_image(div2k / "DIV2K/DIV2K_train_LR_bicubic/X2/0003x2.png", np.zeros((12, 15, 3), np.uint8))
    module = data("data=div2k", f"data.root={div2k}", "data.patch_size=8")
    with pytest.raises(SrlabError, match=r"0003x2\.png is 15x12, but .*0003\.png \(32x24\) at x2 needs 16x12"):
        module.setup()


def test_lr_that_is_missing(div2k):
    (div2k / "DIV2K/DIV2K_train_LR_bicubic/X2/0003x2.png").unlink()
    module = data("data=div2k", f"data.root={div2k}", "data.patch_size=8")
    with pytest.raises(SrlabError, match=r"0003x2\.png: missing, while 11 other"):
        module.setup()


def test_part_of_the_validation_set_is_missing(div2k):
    (div2k / "DIV2K/DIV2K_valid_HR/0850.png").unlink()
    with pytest.raises(SrlabError, match="has 99 images, but DIV2K valid has 100"):
        data("data=div2k", f"data.root={div2k}")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["data=folder"], r"needs data\.train"),
        (["data=folder", "data.train=[/nowhere]"], "/nowhere: no such folder"),
        (["data=div2k", "data.root=/nowhere"], r"div2k_.*: .* is not there\. Get the set from http"),
        (["data.kind=smaple"], "Did you mean 'sample'"),
    ],
)
def test_what_is_not_there_is_named(overrides, message):
    with pytest.raises(SrlabError, match=message):
        data(*overrides)


def test_an_empty_folder(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(SrlabError, match=r"empty: no images\. Expected files that end in \.png"):
        data(*folder(tmp_path / "empty"))


def test_validation_images_among_the_training_images(photos_folder):
    with pytest.raises(SrlabError, match=r"00\.png is among the training images"):
        data(*folder(photos_folder, valid=photos_folder))


def test_a_batch_that_cannot_be_shared(photos_folder):
    with pytest.raises(SrlabError, match=r"data\.batch_size=16: must be a multiple of 3"):
        data(*folder(photos_folder)).dataset(range(1), world=3)


def test_patches_larger_than_an_image(photos_folder):
    with pytest.raises(SrlabError, match=r"01\.png: 73x61 is smaller than the 96x96 HR patch"):
        data(*folder(photos_folder), "data.patch_size=48")
