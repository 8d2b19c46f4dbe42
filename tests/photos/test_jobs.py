"""What of a folder `srlab upscale` enlarges, and what it passes over."""

import os

import pytest
from PIL import Image

from srlab.errors import SrlabError
from srlab.photos.jobs import check_template, jobs_below
from srlab.photos.photo import open_photo


@pytest.fixture
def photos(tmp_path):
    for name in ("a.jpg", "LR_old/b.png", "out/c.png"):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(path)
    return tmp_path / "photos"


def test_photos_of_all_folders_but_the_results(photos):
    (photos / "notes.txt").touch()
    jobs, others, notes = jobs_below(photos, photos / "out")
    assert [job.path.name for job in jobs] == ["b.png", "a.jpg"] and others == 1 and list(notes) == []
    assert jobs[0].folder == photos / "out" / "LR_old"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_files_of_systems_and_pipes_are_said_and_never_opened(photos):
    (photos / "LR_old" / "._b.png").write_bytes(b"\0")
    (photos / "Thumbs.db").touch()
    (photos / "@eaDir").mkdir()
    os.mkfifo(photos / "pipe.jpg")
    jobs, others, notes = jobs_below(photos, photos / "out")
    assert len(jobs) == 2 and others == 0
    assert [note.partition("photos: ")[2] for note in notes] == [
        "hidden files and those of systems are ignored (@eaDir, Thumbs.db, ._b.png).",
        "pipes, sockets and devices are ignored (pipe.jpg).",
    ]
    with pytest.raises(SrlabError, match=r"pipe\.jpg: a pipe, a socket or a device; expected an image file"):
        open_photo(photos / "pipe.jpg")


@pytest.mark.parametrize("template", ["", ".", " . "])
def test_a_template_of_nothing(template):
    with pytest.raises(SrlabError, match=r"^name=[. ]*: expected a name such as \{name\}_large\.$"):
        check_template(template, sized=False)
