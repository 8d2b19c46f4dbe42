"""LR files that are missing, or there and not used, are said: of folders and sets, in training and evaluation."""

import os

import numpy as np
import pytest
from helpers import write_image
from rich.progress import Progress

from srlab.commands.data import main
from srlab.data.catalog import CATALOG
from srlab.data.check import Checker, find_subjects
from srlab.data.evaluation_sets import catalog_set, evaluation_sets
from srlab.data.sources import find_sources
from srlab.data.training_set import from_sources
from srlab.errors import SrlabError
from srlab.metrics.protocol import protocol

HR, LR = np.zeros((32, 32, 3), np.uint8), np.zeros((16, 16, 3), np.uint8)
NAMES = ("baby", "bird", "butterfly", "head", "woman")


@pytest.fixture
def mine(tmp_path):
    for name in NAMES:
        write_image(tmp_path / "mine" / "HR" / f"{name}.png", HR)
        write_image(tmp_path / "mine" / "LR_bicubic" / "X2" / f"{name}x2.png", LR)
    return tmp_path / "mine"


@pytest.fixture
def set5(mine):
    """The same images as the set of the catalog; returns data.root."""
    (mine.parent / "root" / "benchmark").mkdir(parents=True)
    mine.rename(mine.parent / "root" / "benchmark" / "Set5")
    return mine.parent / "root"


def measured(folder):
    (images,) = evaluation_sets([str(folder)], folder)
    return images


def test_a_partial_lr_folder_is_refused_with_names_and_number(mine, tmp_path):
    x2 = mine / "LR_bicubic" / "X2"
    for name in ("bird", "head", "woman"):
        (x2 / f"{name}x2.png").unlink()
    message = (
        r"birdx2\.png, headx2\.png, womanx2\.png \(3 of 5\): missing, while 2 other LR files of x2 are there\. Get"
    )
    with pytest.raises(SrlabError, match=message):
        measured(mine).check([2], protocol("luma"))
    with pytest.raises(SrlabError, match=message):
        from_sources(find_sources([str(mine)], tmp_path)).lr_store(tmp_path / "cache", 2)
    measured(mine).check([4], protocol("luma"))  # of which there is no folder


@pytest.mark.parametrize("other", ["birdx2.PNG", "Birdx2.png", "birdx2.jpg", "birdx3.png", "bird.png"])
def test_a_file_under_another_name_is_named(mine, set5, other):
    x2 = set5 / "benchmark/Set5/LR_bicubic/X2"
    (x2 / "birdx2.png").rename(x2 / other)
    images = catalog_set(CATALOG["set5"], set5)
    assert f"1 LR file(s) are not used, such as {other}; expected names like babyx2.png for baby" in images.notes[0]
    with pytest.raises(SrlabError, match=rf"birdx2\.png: missing.* There is {other}; expected birdx2\.png\. Get"):
        images.check([2], protocol("luma"))


@pytest.mark.parametrize("ending", ["X2.png", "x2.PNG", "x2.jpg", "x4.png"])
def test_a_set_whose_lr_files_are_all_called_otherwise(set5, ending):
    x2 = set5 / "benchmark/Set5/LR_bicubic/X2"
    for name in NAMES:
        (x2 / f"{name}x2.png").rename(x2 / f"{name}{ending}")
    (note,) = catalog_set(CATALOG["set5"], set5).notes
    assert f"5 LR file(s) are not used, such as baby{ending}; expected names like babyx2.png for baby" in note


def test_the_degradation_in_a_folders_name_may_have_capitals(mine):
    (mine / "LR_bicubic").rename(mine / "LR_Bicubic")
    assert measured(mine).pair(0, 2, protocol("luma")).lr.max() == 0
    assert measured(mine).pictures[0].lr_path(2).is_file()


def test_lr_files_outside_the_folder_of_their_scale(mine):
    x2 = mine / "LR_bicubic" / "X2"
    for path in x2.iterdir():
        path.rename(mine / "LR_bicubic" / path.name)
    (note,) = measured(mine).notes
    assert "5 LR file(s) are not used, such as babyx2.png; expected in a folder of their scale, such as LR_bi" in note


def test_files_that_cannot_be_made_are_counted(mine):
    (mine / "LR_bicubic").rename(mine / "LR_unknown")
    for name in ("bird", "head"):
        (mine / "LR_unknown" / "X2" / f"{name}x2.png").unlink()
    (images,) = evaluation_sets([str(mine)], mine, "unknown")
    with pytest.raises(SrlabError, match=r"birdx2\.png, headx2\.png \(2 of 5\): no such LR files, .*Add them\."):
        images.check([2], protocol("luma"))


def test_folders_with_and_without_lr_files_together(mine, tmp_path):
    """Held-out images may be of both."""
    for i in range(2):
        write_image(tmp_path / "other" / f"{i}.png", HR)
    sources = find_sources([str(mine), str(tmp_path / "other")], tmp_path)
    paths = [picture.lr_path(2) for s in sources for picture in s.pictures(s.files)]
    assert [path is None for path in paths] == [False] * 5 + [True] * 2
    assert len(from_sources(sources).lr_store(tmp_path / "cache", 2)) == 7


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_what_is_no_image_is_said_of_sets_and_folders_and_lr(set5):
    for folder in ("HR", "LR_bicubic/X2"):
        os.mkfifo(set5 / "benchmark/Set5" / folder / "pipe.png")
        (set5 / "benchmark/Set5" / folder / "._baby.png").write_bytes(b"\0")
    images = catalog_set(CATALOG["set5"], set5)
    assert len(images.pictures) == 5
    assert [note.rpartition(": ")[2] for note in images.notes] == [
        "hidden files and those of systems are ignored (._baby.png).",
        "pipes, sockets and devices are ignored (pipe.png).",
    ] * 2
    with Progress(disable=True) as progress:
        (subject,) = find_subjects("set5", set5)
        report = Checker(set5, progress).check(subject, [])
    assert sum("are ignored" in finding.text for finding in report.findings) == 4 and not report.wrong


def test_data_check_reads_subfolders_on_request_and_names_what_is_there_instead(mine, tmp_path, capsys):
    write_image(mine / "HR" / "more" / "x.png", HR)
    x2 = mine / "LR_bicubic" / "X2"
    (x2 / "birdx2.png").rename(x2 / "birdx2.bmp")
    words = ["check", str(mine), f"data.root={tmp_path}"]
    assert main(words) == 1
    printed = " ".join(capsys.readouterr().out.split())
    assert "images in more are not read; data.recursive=true reads them" in printed
    assert "There is birdx2.bmp; expected birdx2.png." in printed
    assert main([*words, "data.recursive=true"]) == 1
    printed = " ".join(capsys.readouterr().out.split())
    assert "are not read" not in printed and "files are missing (2 of 6)" in printed
