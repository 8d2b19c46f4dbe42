"""evaluate.py ... +mos_export=true: the study's folder."""

import hashlib
import json
import re
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from helpers import read_image
from mos_study import METHODS, image_set, measured

from srlab.commands.evaluation import evaluate_config
from srlab.config.compose import compose
from srlab.errors import SrlabError
from srlab.mos.calibration import calibration_images
from srlab.mos.export import add_anchors
from srlab.mos.study import open_study


@pytest.fixture
def evaluated(tmp_path, monkeypatch):
    """evaluate.py on the small set."""
    monkeypatch.setattr("srlab.commands.evaluation.evaluation_sets", lambda *_: [image_set()])

    def run(*words):
        words = ("model=lanczos", "scale=4", "+mos_export=true", f"mos.out={tmp_path / 'mos'}", *words)
        return evaluate_config(compose("evaluate", [f"out={tmp_path / 'out'}", *words]))

    return run


def test_a_study_holds_every_image_by_every_method(evaluated, tmp_path, capsys):
    rows = evaluated("mos.raters=2", "mos.repeats=1")
    study = open_study(tmp_path / "mos")
    assert study.methods == ("nearest", "bicubic", "lanczos", "HR") and [row.method for row in rows] == [
        "nearest",
        "bicubic",
        "lanczos",
    ]
    test = [item for item in study.items.values() if item.expected is None]
    assert Counter(item.method for item in test) == dict.fromkeys(study.methods, 5)
    pair = {pair.name: pair for pair in image_set().pairs(4, measured(tmp_path, [image_set()], [4])[1].protocol)}
    for name, item in study.items.items():
        if item.method == "HR" and item.expected is None:
            assert np.array_equal(read_image(tmp_path / "mos/images" / f"{name}.png"), pair[item.image].hr)
        if item.method == "lanczos":
            saved = tmp_path / "out/images/five_x4" / f"{item.image}_lanczos.png"
            assert np.array_equal(read_image(tmp_path / "mos/images" / f"{name}.png"), read_image(saved))
    assert [len(rater.trials) for rater in study.raters] == [10 + 20 + 1] * 2
    assert study.results == json.loads((tmp_path / "out/results.json").read_text())["rows"]
    assert f"next: srlab mos serve {tmp_path / 'mos'}" in capsys.readouterr().out


def test_files_say_nothing_of_methods(exported):
    """Names are random, and the files hold the chunks that an image needs, only."""
    files = sorted((exported.folder / "images").iterdir())
    assert all(re.fullmatch(r"[0-9a-f]{12}\.png", path.name) for path in files) and len(files) == len(exported.items)
    for path in files:
        content, chunks, place = path.read_bytes(), [], 8
        while place < len(content):
            length = int.from_bytes(content[place : place + 4], "big")
            chunks.append(content[place + 4 : place + 8])
            place += 12 + length
        assert set(chunks) == {b"IHDR", b"IDAT", b"IEND"}
    by_name = [exported.items[path.stem].method for path in files]
    by_time = [exported.items[p.stem].method for p in sorted(files, key=lambda path: path.stat().st_mtime_ns)]
    for order in (by_name, by_time):
        assert sum(a == b for a, b in pairwise(order)) < len(order) / 2


def test_study_json_says_how_it_was_made(exported):
    content = json.loads((exported.folder / "study.json").read_text())
    assert {"srlab", "torch", "numpy", "python"} <= set(content["versions"])
    assert content["seed"] == 0 and content["protocol"]["calibration"] == {"nearest": 1, "HR": 5}
    assert content["protocol"]["measured"] == "luma"
    for name, item in content["items"].items():
        assert hashlib.sha256((exported.folder / f"images/{name}.png").read_bytes()).hexdigest() == item["sha256"]
    tokens = [rater["token"] for rater in content["raters"]]
    assert len(set(tokens)) == 3 and all(len(token) >= 20 for token in tokens)
    trials = [trial["id"] for rater in content["raters"] for trial in rater["trials"]]
    assert len(set(trials)) == len(trials)


def test_calibration_images_are_not_in_the_study():
    assert {photo for photo, _ in calibration_images(["sample"], 4)} == {"chelsea", "rocket"}
    images = calibration_images(["set5"], 3)
    assert len(images) == 10
    for photo, _ in images:
        nearest, hr = images[photo, "nearest"], images[photo, "HR"]
        assert nearest.shape == hr.shape and np.array_equal(nearest[::3, ::3], nearest[1::3, 1::3])


def test_anchors_are_not_measured_twice(tmp_path):
    rows, settings = measured(tmp_path, [image_set()], [2, 4])
    assert [row.method for row in rows] == ["nearest", "bicubic", "bilinear", "lanczos"] * 2
    again = add_anchors([replace(row, method=f"{row.method}+") for row in rows], [image_set()], [2, 4], settings)
    assert [row.method for row in again] == ["nearest+", "bicubic+", "bilinear+", "lanczos+"] * 2


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("protocol=classic", "protocol=classic sees luma only"),
        ("mos.raters=0", "mos.raters=0: expected 1 or more"),
        ("mos.per_rater=21", "mos.per_rater=21: the study has 20 images"),
        ("mos.repeats=-1", "mos.repeats=-1: expected 0 or more"),
    ],
)
def test_mistakes(evaluated, tmp_path, word, message):
    with pytest.raises(SrlabError, match=message):
        evaluated(word)
    assert [path for path in tmp_path.iterdir() if path.name.startswith("mos")] == []


def test_a_study_is_never_written_over(evaluated, tmp_path):
    (tmp_path / "mos").mkdir()
    (tmp_path / "mos/ratings.sqlite3").write_text("precious")
    with pytest.raises(SrlabError, match="there is something already"):
        evaluated()
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_made(evaluated, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(
        SrlabError, match=r"^mos\.out=\S*/file/mos: cannot be written \(.+\)\. Choose another folder\.$"
    ):
        evaluated(f"mos.out={tmp_path / 'file' / 'mos'}", "mos.raters=1")


def test_there_are_five_methods(exported):
    assert set(exported.methods) == set(METHODS)
