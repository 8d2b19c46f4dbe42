"""What is in a folder of images, and what only looks like it."""

import os
import socket
from pathlib import Path

import numpy as np
import pytest
from helpers import write_image

from srlab.errors import SrlabError
from srlab.imaging.files import image_header, read_image
from srlab.imaging.folders import content_of, list_images, listing

GREY = np.zeros((8, 8), np.uint8)
needs_pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")


@pytest.fixture
def folder(tmp_path):
    write_image(tmp_path / "photos" / "a.png", GREY)
    return tmp_path / "photos"


def names(paths):
    return [path.name for path in paths]


def test_files_of_systems_are_ignored_and_said_once(folder):
    for name in ("._a.png", ".DS_Store", "Thumbs.db", "DESKTOP.INI", ".hidden.jpg"):
        (folder / name).write_bytes(b"\0")
    write_image(folder / "__MACOSX" / "._a.png", GREY)
    (folder / ".gitignore").touch()
    (folder / "notes.txt").touch()
    found = listing(folder, recursive=True)
    assert names(found.images) == ["a.png"]
    (line,) = found.notes
    assert line.endswith("are ignored (.DS_Store, ._a.png, .hidden.jpg, DESKTOP.INI and 2 more).")
    assert names(content_of(folder).others) == ["notes.txt"]
    assert listing(folder).notes == found.notes


@needs_pipes
def test_pipes_sockets_and_devices_never_hang(folder, monkeypatch):
    os.mkfifo(folder / "pipe.png")
    os.mkfifo(folder / "pipe")
    monkeypatch.chdir(folder)  # a socket's path is at most 108 bytes
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.png")
        (folder / "device.png").symlink_to("/dev/zero")
        (folder / "link.png").symlink_to(folder / "pipe")
        found = listing(folder)
        assert names(found.images) == ["a.png"]
        (line,) = found.notes
        assert line.endswith("sockets and devices are ignored (device.png, link.png, pipe.png, socket.png).")
        for name in ("pipe.png", "socket.png", "device.png", "link.png"):
            for read in (read_image, image_header):
                with pytest.raises(SrlabError, match=f"{name}: a pipe, a socket or a device; expected an image file"):
                    read(folder / name)


def test_a_link_that_leads_nowhere_is_an_error_and_not_passed_over(folder):
    (folder / "b.png").symlink_to(folder / "gone.png")
    (folder / "c.png").symlink_to(folder / "c.png")
    assert names(list_images(folder)) == ["a.png", "b.png", "c.png"] and listing(folder).notes == ()
    with pytest.raises(SrlabError, match=r"b\.png: no such image"):
        read_image(folder / "b.png")
    with pytest.raises(SrlabError, match=r"c\.png: cannot be decoded"):
        read_image(folder / "c.png")


def test_subfolders(folder):
    write_image(folder / "more" / "deep" / "b.png", GREY)
    write_image(folder / "x.png" / "c.png", GREY)  # a folder that is called like an image
    write_image(folder / "LR_bicubic" / "X2" / "ax2.png", GREY)
    write_image(folder / ".trash" / "d.png", GREY)
    (folder / "empty").mkdir()
    (folder / "back").symlink_to(folder)
    assert names(list_images(folder)) == ["a.png"]
    assert names(list_images(folder, recursive=True)) == ["a.png", "b.png", "c.png"]
    assert listing(folder, recursive=True).notes == ()
    (line,) = listing(folder).notes
    assert "images in more, x.png are not read; data.recursive=true reads them" in line


def test_a_folder_with_images_in_subfolders_alone(tmp_path):
    write_image(tmp_path / "more" / "a.png", GREY)
    with pytest.raises(SrlabError, match=r"no images\..* There are images in more; data\.recursive=true reads them"):
        list_images(tmp_path)
    assert names(list_images(tmp_path, recursive=True)) == ["a.png"]


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="asks for POSIX users")
def test_a_subfolder_that_cannot_be_read_is_not_mentioned(folder, monkeypatch):
    """Nobody asked for lost+found."""
    for name in ("private", "more"):
        write_image(folder / name / "b.png", GREY)
    monkeypatch.chdir(folder)
    folder.chmod(0o755)
    (folder / "private").chmod(0)
    try:
        if root := os.geteuid() == 0:  # who may read everything
            os.seteuid(65534)
        (line,) = listing(Path()).notes
        with pytest.raises(SrlabError, match=r"private: cannot be read \(Permission denied\)"):
            listing(Path(), recursive=True)
    finally:
        if root:
            os.seteuid(0)
        (folder / "private").chmod(0o755)
    assert "images in more are not read; data.recursive=true reads them" in line


def test_a_folder_that_cannot_be_read(folder):
    with pytest.raises(SrlabError, match=r"a\.png: cannot be read \(Not a directory\)"):
        content_of(folder / "a.png")
