"""Folders of a user's own: with LR files beside them, with subfolders, with files that nothing uses."""

import numpy as np
import pytest
from helpers import write_image

from srlab.commands.evaluation import evaluate_config
from srlab.config.compose import compose
from srlab.config.parse import parse
from srlab.config.schema import TrainConfig
from srlab.data.datamodule import SuperResolutionData
from srlab.data.evaluation_sets import evaluation_sets
from srlab.data.sources import find_sources
from srlab.data.synthetic import synthetic_image
from srlab.errors import SrlabError
from srlab.metrics.protocol import protocol

RED = np.zeros((32, 32, 3), np.uint8) + np.array([255, 0, 0], np.uint8)


@pytest.fixture(params=["", "HR"])
def pairs(request, tmp_path):
    """Twelve HR images of 64 x 64, in the folder or in HR/ below it, and red LR images of x2."""
    for i in range(12):
        write_image(tmp_path / "mine" / request.param / f"{i:02d}.png", synthetic_image(i, 64))
        write_image(tmp_path / "mine" / "LR_bicubic" / "X2" / f"{i:02d}x2.png", RED)
    return tmp_path / "mine"


def data(folder, *overrides: str, scale: int = 2) -> SuperResolutionData:
    words = ["data=folder", f"data.train=[{folder}]", "data.patch_size=8", "data.batch_size=4", *overrides]
    return SuperResolutionData(parse(compose("train", words), TrainConfig).data, (scale,), protocol("luma"), seed=0)


def test_lr_files_beside_a_folder_are_trained_and_validated_on(pairs):
    module = data(pairs)
    module.setup()
    assert all((planes[0] == 255).all() and not planes[1:].any() for planes in module.stores[1][2].images)
    pair = module.validation.pair(0, 2, protocol("luma"))
    assert pair.lr[0, 0].min() == 1 and pair.lr[0, 1:].max() == 0 and module.notes == []


def test_another_scale_is_made_from_hr(pairs):
    module = data(pairs, scale=4)
    module.setup()
    assert not any((planes[0] == 255).all() for planes in module.stores[1][4].images)


def test_a_missing_lr_file_is_named(pairs):
    (pairs / "LR_bicubic" / "X2" / "03x2.png").unlink()
    with pytest.raises(SrlabError, match=r"03x2\.png: missing, while .* other LR files of x2 are there"):
        data(pairs).setup()


def test_an_lr_file_of_another_size_is_named(pairs):
    write_image(pairs / "LR_bicubic" / "X2" / "03x2.png", RED[:20])
    with pytest.raises(SrlabError, match=r"03x2\.png is 32x20, but .*03\.png \(64x64\) at x2 needs 32x32"):
        data(pairs).setup()


def test_lr_files_that_are_not_used_are_said(pairs):
    write_image(pairs / "LR_bicubic" / "X2" / "99x2.png", RED)
    (note,) = data(pairs).notes
    assert "1 LR file(s) are not used, such as 99x2.png; expected names like 00x2.png for 00" in note


def test_lr_files_of_a_folder_that_is_measured(pairs):
    (images,) = evaluation_sets([str(pairs)], pairs)
    assert images.name == "mine" and len(images.pictures) == 12
    assert images.pair(0, 2, protocol("luma")).lr[0, 0].min() == 1


def test_a_folder_is_measured_without_a_slash_in_its_name(pairs, monkeypatch):
    monkeypatch.chdir(pairs.parent)
    assert evaluation_sets("mine", pairs)[0].name == "mine"
    with pytest.raises(SrlabError, match=r"'yours' is not a set \(.*\), and no folder of images"):
        evaluation_sets("yours", pairs)


def test_a_track_of_a_folders_own(pairs):
    with pytest.raises(SrlabError, match=r"it has no LR images of data\.degradation=unknown"):
        find_sources([str(pairs)], pairs, "unknown")
    for i in range(12):
        write_image(pairs / "LR_unknown" / "X2" / f"{i:02d}.png", RED)
    (source,) = find_sources([str(pairs)], pairs, "unknown")
    assert source.lr_path(source.files[3], 2).name == "03.png"


def test_lr_files_beside_the_folder_that_is_named(tmp_path):
    """photos/HR and photos/LR_bicubic/X2; a_HR and a_LR_bicubic/X2; in lower case too."""
    for hr, lr in (("photos/HR", "photos/LR_bicubic/X2"), ("a_HR", "a_LR_bicubic/X2"), ("b/hr", "b/lr_bicubic/x2")):
        write_image(tmp_path / hr / "0.png", synthetic_image(0, 64))
        write_image(tmp_path / lr / "0x2.png", RED)
        (source,) = find_sources([str(tmp_path / hr)], tmp_path)
        assert source.lr_path(source.files[0], 2).samefile(tmp_path / lr / "0x2.png"), hr
    write_image(tmp_path / "other" / "0.png", synthetic_image(0, 64))
    (other,) = find_sources([str(tmp_path / "other")], tmp_path)
    assert other.lr_path(other.files[0], 2) is None


def test_two_images_of_one_lr_file(pairs):
    hr = find_sources([str(pairs)], pairs)[0].folder
    write_image(hr / "03.bmp", synthetic_image(3, 64))
    with pytest.raises(SrlabError, match=r"03\.png and .*03\.bmp: both belong to .*03x2\.png\. Rename one of them"):
        find_sources([str(pairs)], pairs)


def test_validation_on_pairs(pairs, tmp_path):
    for i in range(2):
        write_image(tmp_path / "photos" / f"{i}.png", synthetic_image(20 + i, 64))
    module = data(tmp_path / "photos", f"data.valid={pairs}", "data.valid_images=3")
    assert [picture.name[-6:] for picture in module.validation.pictures] == ["00.png", "01.png", "02.png"]
    assert module.validation.pair(2, 2, protocol("luma")).lr[0, 1:].max() == 0
    module.check_validation()
    (pairs / "LR_bicubic" / "X2" / "01x2.png").unlink()
    with pytest.raises(SrlabError, match=r"01x2\.png: missing, while 2 other LR files of x2 are there"):
        data(tmp_path / "photos", f"data.valid={pairs}", "data.valid_images=3").check_validation()


def test_lr_files_that_are_missing_are_said_before_anything_is_measured(pairs):
    for i in range(12):
        write_image(pairs / "LR_unknown" / "X2" / f"{i:02d}.png", RED)
    for degradation in ("bicubic", "unknown"):
        (images,) = evaluation_sets([str(pairs)], pairs, degradation)
        images.check([2], protocol("luma"))
    next((pairs / "LR_unknown" / "X2").glob("05*")).unlink()
    with pytest.raises(SrlabError, match=r"05\.png: no such LR file, and unknown LR cannot be made from HR"):
        images.check([2], protocol("luma"))
    with pytest.raises(SrlabError, match=r"data\.degradation=unknown are of x2, not x4"):
        images.check([4], protocol("luma"))
    next((pairs / "LR_bicubic" / "X2").glob("05*")).unlink()
    with pytest.raises(SrlabError, match=r"05x2\.png: missing, while 11 other LR files of x2 are there"):
        evaluation_sets([str(pairs)], pairs)[0].check([2], protocol("luma"))


def test_a_folder_has_a_name_of_its_own(pairs, tmp_path):
    for name in ("set5", "x/test", "y/test"):
        write_image(tmp_path / name / "a.png", synthetic_image(0, 64))
    assert evaluation_sets([f"{tmp_path}/set5/"], tmp_path)[0].name == "set5_folder"  # no published number beside it
    with pytest.raises(SrlabError, match="two of them are called test"):
        evaluation_sets([f"{tmp_path}/x/test", f"{tmp_path}/y/test"], tmp_path)


def test_results_of_a_folder_are_saved_under_out_alone(tmp_path):
    photos = tmp_path / "photos"
    write_image(photos / "a.png", synthetic_image(0, 64))
    write_image(photos / "more" / "a.png", synthetic_image(1, 64))
    words = ["model=bicubic", "scale=2", f"sets={photos}", "data.recursive=true", "save_images=true"]
    (row,) = evaluate_config(compose("evaluate", [*words, f"out={tmp_path / 'out'}"]))
    assert list(row.images) == ["a", "more_a"]
    saved = {path.name for path in (tmp_path / "out" / "images" / "photos_x2").iterdir()}
    assert saved == {"a_bicubic.png", "more_a_bicubic.png"}
    assert len(list(photos.rglob("*"))) == 3


def test_two_images_of_one_name_are_refused(tmp_path):
    write_image(tmp_path / "more_a.png", synthetic_image(0, 64))
    write_image(tmp_path / "more" / "a.png", synthetic_image(1, 64))
    with pytest.raises(SrlabError, match=r"more_a\.png: another image of .* is called more_a too\. Rename one of them"):
        evaluation_sets([str(tmp_path)], tmp_path, recursive=True)


def test_lr_folders_are_no_subfolders_of_hr_images(pairs):
    (source,) = find_sources([str(pairs)], pairs, recursive=True)
    assert len(source.files) == 12 and source.notes == ()


def test_subfolders_are_read_on_request_and_mentioned_otherwise(tmp_path):
    write_image(tmp_path / "a.png", synthetic_image(0, 64))
    write_image(tmp_path / "more" / "b.png", synthetic_image(1, 64))
    (plain,), (nested,) = (
        find_sources([str(tmp_path)], tmp_path),
        find_sources([str(tmp_path)], tmp_path, "bicubic", True),
    )
    assert [path.name for path in plain.files] == ["a.png"]
    assert "images in more are not read; data.recursive=true reads them" in plain.notes[0]
    assert [path.name for path in nested.files] == ["a.png", "b.png"] and nested.notes == ()
