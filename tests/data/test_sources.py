"""Folders of a user's own: with LR files beside them, with subfolders, with files that nothing uses."""

import numpy as np
import pytest
from helpers import write_image

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
