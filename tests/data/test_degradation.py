"""DIV2K's tracks: trained, validated and measured on, and refused where there are no such files."""

import numpy as np
import pytest
from div2k_tree import mark
from helpers import write_image

from srlab.commands.evaluation import evaluate_config
from srlab.config.compose import compose
from srlab.config.parse import parse
from srlab.config.schema import TrainConfig
from srlab.data.datamodule import SuperResolutionData
from srlab.data.evaluation_sets import evaluation_sets
from srlab.errors import SrlabError
from srlab.metrics.protocol import protocol


def data(*overrides: str, scale: int) -> SuperResolutionData:
    config = parse(compose("train", ["data.patch_size=4", *overrides]), TrainConfig).data
    return SuperResolutionData(config, (scale,), protocol("luma"), seed=0)


def div2k_with(degradation: str, root, *overrides: str, scale: int) -> SuperResolutionData:
    return data("data=div2k", f"data.root={root}", f"data.degradation={degradation}", *overrides, scale=scale)


@pytest.mark.parametrize(("degradation", "scale"), [("unknown", 2), ("mild", 4)])
def test_a_track_is_trained_and_validated_on(div2k, degradation, scale):
    module = div2k_with(degradation, div2k, scale=scale)
    module.setup()
    red = mark(degradation, scale)
    assert [tuple(planes[:2, 0, 0]) for planes in module.stores[1][scale].images] == [(red, n) for n in range(1, 13)]
    assert module.validation.name == f"div2k_valid_{degradation}"
    assert (module.val_dataloader().dataset[1].lr[0, :2, 0, 0] * 255).round().tolist() == [red, 2]


def test_wild_has_four_lr_images_for_every_hr_image_which_is_stored_once(div2k):
    module = div2k_with("wild", div2k, scale=4)
    module.setup()
    hr, lr = module.stores[0], module.stores[1][4]
    assert (module.training.versions, len(hr), len(lr)) == (4, 12, 48)
    for i, planes in enumerate(lr.images):
        assert planes[:, 0, 0].tolist() == [mark("wild", 4), i // 4 + 1, i % 4 + 1]
        assert tuple(4 * side for side in planes.shape[1:]) == hr.images[i // 4].shape[1:]


def test_patches_of_wild_show_the_image_that_their_lr_image_shows(div2k):
    """LR patches as high as the LR images, so that only the column and the image must be found."""
    module = div2k_with("wild", div2k, "data.patch_size=6", "data.augment=false", scale=4)
    batch = next(iter(module.dataset(range(1))))
    hr, lr = module.stores[0].images, module.stores[1][4].images
    for patch, target in zip(batch.lr.numpy(), batch.hr.numpy(), strict=True):
        places = [(i, x) for i in range(48) for x in range(3) if np.array_equal(lr[i][:, :, x : x + 6], patch)]
        assert places and all(np.array_equal(hr[i // 4][:, :, 4 * x : 4 * x + 24], target) for i, x in places)


def test_leaving_out_small_images_keeps_the_versions_of_the_others(div2k):
    write_image(div2k / "DIV2K/DIV2K_train_HR/0001.png", np.zeros((8, 8, 3), np.uint8))
    module = div2k_with("wild", div2k, "data.small_images=skip", scale=4)
    assert [module.training.lr_path(4, i).name for i in (0, 3, 4)] == ["0002x4w1.png", "0002x4w4.png", "0003x4w1.png"]


def test_held_out_images_have_lr_of_the_track(div2k):
    words = ["data=folder", "data.train=[div2k_train]", f"data.root={div2k}"]
    module = data(*words, "data.degradation=wild", scale=4)
    (pair,) = module.validation.pairs(4, protocol("rgb"))
    assert (pair.lr[0, :, 0, 0] * 255).round().tolist() == [mark("wild", 4), 1, 1]
    assert module.training.versions == 4 and len(module.training.names) == 11


def test_sets_of_one_and_of_four_lr_images_for_an_hr_image_are_not_joined(div2k, tmp_path):
    write_image(tmp_path / "mine" / "a.png", np.zeros((32, 32, 3), np.uint8))
    write_image(tmp_path / "mine" / "LR_wild" / "X4" / "a.png", np.zeros((8, 8, 3), np.uint8))
    words = ["data=folder", f"data.train=[div2k_train,{tmp_path / 'mine'}]", f"data.root={div2k}"]
    with pytest.raises(SrlabError, match=r"data\.train: of LR images for every HR image, div2k_train 4 but .* 1\. "):
        data(*words, "data.degradation=wild", scale=4)


@pytest.mark.parametrize(
    ("overrides", "scale", "message"),
    [
        (["data=div2k", "data.degradation=mild"], 2, "data.degradation=mild has LR images of x4, not of x2"),
        (["data=div2k", "data.degradation=difficult"], 4, "no such LR file.*fetch div2k_valid data.degradation=dif"),
        (["data=div2k", "data.degradation=mlid"], 4, "data.degradation=mlid: expected one of .* Did you mean 'mild'"),
        (["data=sample", "data.degradation=mild"], 4, "data=sample: it has no LR images .*: div2k_train, div2k_valid"),
        (["data=folder", "data.train=[DIR]", "data.degradation=unknown"], 2, "it has no LR images of data.degradation"),
        (["data=folder", "data.train=[t91]", "data.degradation=wild"], 2, "t91: it has no LR images of data.degrad"),
    ],
)
def test_a_track_that_is_not_there(div2k, photos_folder, overrides, scale, message):
    words = [word.replace("DIR", str(photos_folder)) for word in overrides]
    with pytest.raises(SrlabError, match=message):
        data(*words, f"data.root={div2k}", scale=scale).check_validation()


def test_validation_under_a_protocol_that_does_not_see_lr_files(div2k):
    module = div2k_with("unknown", div2k, scale=2)
    module.protocol = protocol("classic")
    with pytest.raises(SrlabError, match="protocol=classic shrinks Y itself"):
        module.check_validation()


def test_an_lr_file_of_a_track_that_is_missing(div2k):
    (div2k / "DIV2K/DIV2K_train_LR_wild/0003x4w2.png").unlink()
    module = div2k_with("wild", div2k, scale=4)
    with pytest.raises(SrlabError, match=r"0003x4w2\.png: no such LR file, and wild LR cannot be made from HR"):
        module.setup()


def test_an_lr_folder_of_another_scale(div2k):
    for path in (div2k / "DIV2K/DIV2K_train_LR_unknown/X2").iterdir():
        write_image(path, np.zeros((6, 8, 3), np.uint8))
    with pytest.raises(SrlabError, match=r"0001x2\.png is 8x6, but .* needs 16x12; it is an image of x4"):
        div2k_with("unknown", div2k, scale=2).setup()


@pytest.mark.parametrize(("names", "expected"), [(None, "div2k_valid_mild"), ("div2k_valid", "div2k_valid_mild")])
def test_a_track_is_measured_under_its_own_name(div2k, tmp_path, names, expected):
    words = [f"sets={names or 'null'}", f"data.root={div2k}", "data.degradation=mild", f"out={tmp_path / 'out'}"]
    (row,) = evaluate_config(compose("evaluate", ["model=bicubic", "scale=4", *words]))
    assert (row.set, row.n, row.published) == (expected, 12, None)
    (plain,) = evaluate_config(
        compose("evaluate", ["model=bicubic", "scale=4", "sets=[div2k_valid]", *words[1:2], words[3]])
    )
    assert plain.set == "div2k_valid" and plain.psnr != row.psnr


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["sets=[set5]", "data.degradation=unknown"],
            "set5: it has no LR images .* Those that have: div2k_train",
        ),
        (["sets=[sample]", "data.degradation=unknown"], "sample: it has no LR images"),
        (["data.degradation=mild"], "data.degradation=mild has LR images of x4, not of x2"),
        (["data.degradation=unknown", "protocol=classic"], "protocol=classic shrinks Y itself .* protocol=luma, rgb"),
        (["data.degradation=unkown"], "Did you mean 'unknown'"),
    ],
)
def test_what_cannot_be_measured(div2k, tmp_path, overrides, message):
    words = ["model=bicubic", f"data.root={div2k}", f"out={tmp_path / 'out'}", *overrides]
    with pytest.raises(SrlabError, match=message):
        evaluate_config(compose("evaluate", words))


def test_bicubic_is_the_default_everywhere(div2k):
    (images,) = evaluation_sets(["div2k_valid"], div2k)
    assert (images.name, images.degradation) == ("div2k_valid", "bicubic")
