"""Where training and validation images come from, and what wrong data is told."""

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from div2k_tree import mark
from helpers import read_image, write_image

from srlab.config.compose import compose
from srlab.config.parse import parse
from srlab.config.schema import DataConfig, TrainConfig
from srlab.data import photos
from srlab.data.datamodule import SuperResolutionData
from srlab.errors import SrlabError
from srlab.metrics.protocol import protocol


def config(*overrides: str) -> DataConfig:
    return parse(compose("train", list(overrides)), TrainConfig).data


def data(*overrides: str, scales=(2,)) -> SuperResolutionData:
    return SuperResolutionData(config(*overrides), scales, protocol("luma"), seed=0)


def folder(path, **options) -> list[str]:
    return ["data=folder", f"data.train=[{path}]", "data.patch_size=16", *(f"data.{k}={v}" for k, v in options.items())]


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
    assert [planes[0, 0, 0] for planes in module.stores[1][2].images] == [mark("bicubic", 2)] * 12
    pair = module.val_dataloader().dataset[0]
    assert (pair.lr[0, :, 0, 0] * 255).round().tolist() == [mark("bicubic", 2), 1, 1]


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
    (div2k / "DIV2K/DIV2K_valid_HR/0805.png").unlink()
    with pytest.raises(SrlabError, match="has 11 images, but DIV2K valid has 12"):
        data("data=div2k", f"data.root={div2k}")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["data=folder"], r"needs data\.train"),
        (["data=folder", "data.train=[/nowhere]"], "/nowhere: no such folder"),
        (["data=folder", "data.train=[t19]"], r"t19: no such folder.*or one of the sets .* Did you mean 't91'"),
        (["data=folder", "data.train=[t91]", "data.root=/nowhere"], "t91: /nowhere/train/T91 is not there. Get it"),
        (["data=div2k", "data.root=/nowhere"], r"div2k_.* is not there\. Fetch it \(srlab data fetch div2k"),
        (["data=df2k", "data.root=/nowhere"], r"div2k_train: .* is not there"),
        (["data.kind=smaple"], "Did you mean 'sample'"),
        (["data=sample", "data.train=[photos]"], r"data\.train=\[photos\]: only data=folder reads it"),
        (["data=auto", "data.root=/nowhere", "data.valid=set5"], r"data\.valid=set5: only data=folder reads it"),
        (["data=sample", "data.small_images=leave"], r"data\.small_images=leave: expected error or skip\."),
    ],
)
def test_what_is_not_there_is_named(overrides, message):
    with pytest.raises(SrlabError, match=message):
        data(*overrides)


def test_an_empty_folder(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(SrlabError, match=r"empty: no images\. Expected files that end in \.png"):
        data(*folder(tmp_path / "empty"))


def test_a_folder_of_one_image_has_none_to_train_on(photos_folder, tmp_path):
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(photos_folder / "00.png", alone)
    with pytest.raises(SrlabError, match=r"data\.train: 1 image\(s\) leave none to train on\. .*or set data\.valid"):
        data(*folder(alone))
    assert len(data(*folder(alone, valid=photos_folder)).training.names) == 1


def test_validation_images_among_the_training_images(photos_folder):
    with pytest.raises(SrlabError, match=r"00\.png is among the training images"):
        data(*folder(photos_folder, valid=photos_folder))


def test_a_batch_that_cannot_be_shared(photos_folder):
    with pytest.raises(SrlabError, match=r"data\.batch_size=16: must be a multiple of 3"):
        data(*folder(photos_folder)).dataset(range(1), world=3)


def test_patches_larger_than_an_image(photos_folder):
    with pytest.raises(SrlabError, match=r"01\.png: 73x61 is smaller than the 96x96 HR patch"):
        data(*folder(photos_folder), "data.patch_size=48")


def test_sets_are_named_beside_folders(sets, photos_folder):
    words = ["data=folder", f"data.train=[T91,bsd200,{photos_folder}]", f"data.root={sets}", "data.valid=div2k_valid"]
    module = data(*words, "data.patch_size=16", "data.valid_images=3")
    module.setup()
    hr, lr = module.stores[0], module.stores[1][2]
    assert [entry.name for entry in module.training.entries] == ["t91", "bsds200"] and len(hr) == len(lr) == 36
    for name, planes in zip(hr.names, hr.images, strict=True):
        image = read_image(Path(name))
        np.testing.assert_array_equal(planes, np.stack([image] * 3) if image.ndim == 2 else image.transpose(2, 0, 1))
    assert module.validation.name == "div2k_valid" and len(module.validation.pictures) == 3


def test_patches_of_joined_sets_travel_to_loader_processes(sets):
    words = ["data=folder", "data.train=[t91,bsds200]", f"data.root={sets}", "data.patch_size=16"]
    here = next(iter(data(*words).dataset(range(1))))
    there = pickle.loads(pickle.dumps(data(*words).dataset(range(1))))
    assert torch.equal(here.hr, next(iter(there)).hr)


def test_df2k_is_two_sets_that_keep_their_own_stores(sets):
    """DIV2K has LR files and Flickr2K has none; DIV2K's store serves runs on it alone as well."""
    module = data("data=df2k", f"data.root={sets}", "data.patch_size=8")
    module.setup()
    assert [len(part.names) for part in module.training.parts] == [12, 3] and module.config.name == "df2k"
    marks = [int(planes[0, 0, 0]) for planes in module.stores[1][2].images]
    assert marks[:12] == [mark("bicubic", 2)] * 12 and marks[12] != mark("bicubic", 2)
    alone = data("data=div2k", f"data.root={sets}", "data.patch_size=8")
    alone.setup()
    assert module.stores[0].stores[0].folder == alone.stores[0].folder


def test_the_folder_of_a_set_is_known_by_its_path(sets):
    module = data(*folder(sets / "train/BSD200"), f"data.root={sets}")
    assert [entry.name for entry in module.training.entries] == ["bsds200"]


def test_images_that_two_entries_name_are_taken_once(sets):
    module = data("data=folder", f"data.train=[t91,{sets / 'train/T91'}]", f"data.root={sets}", "data.patch_size=16")
    assert len(module.training.names) == 11  # of 12, one is held out


def test_half_of_a_set(sets):
    (sets / "train/T91/03.png").unlink()
    with pytest.raises(SrlabError, match=r"T91 has 11 images, but T91 has 12; .*data=folder 'data\.train=\[.*T91\]'"):
        data("data=folder", "data.train=[t91]", f"data.root={sets}")


def test_validation_on_the_set_that_is_trained_on(sets):
    with pytest.raises(SrlabError, match=r"00\.png is among the training images"):
        data("data=folder", "data.train=[t91]", "data.valid=t91", f"data.root={sets}")
