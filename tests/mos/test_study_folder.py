"""What lies in a study's images/ beside its images."""

import os

import pytest

from srlab.errors import SrlabError
from srlab.mos.study import open_study

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")


def test_files_of_systems_and_pipes_are_ignored_and_said(study, capsys):
    (study.folder / "images" / ".DS_Store").touch()
    os.mkfifo(study.folder / "images" / "pipe.png")
    assert open_study(study.folder).items
    said = capsys.readouterr().err
    assert "are ignored (.DS_Store)" in said and "are ignored (pipe.png)" in said


def test_a_pipe_in_place_of_an_image_is_refused_at_once(study):
    path = min((study.folder / "images").iterdir())
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(SrlabError, match=f"{path.name}: a pipe, a socket or a device; expected an image file"):
        open_study(study.folder)


def test_another_file_is_refused_as_before(study):
    (study.folder / "images" / "stranger.png").touch()
    with pytest.raises(SrlabError, match=r"stranger is not in study\.json"):
        open_study(study.folder)
