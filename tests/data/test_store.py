"""The store: exact, atomic, made anew when its images change, and clear about a full disk."""

import errno
import multiprocessing
import pickle
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers import read_image, write_image

from srlab.data import store as store_module
from srlab.data.store import open_store
from srlab.data.training_set import from_files, without_small
from srlab.errors import SrlabError
from srlab.imaging.folders import list_images
from srlab.imaging.resize import imresize


def stores(cache):
    """Everything in a cache but the locks of stores, and what it knows of images."""
    return [path for path in cache.iterdir() if path.suffix != ".lock" and path.name != "hashes"]


def test_holds_every_pixel_and_grey_as_three_planes(photos_folder, tmp_path):
    files = list_images(photos_folder)
    store = from_files(files).hr_store(tmp_path / "cache")
    assert len(store) == 12 and store.names == [str(path) for path in files]
    for path, planes in zip(files, store.images, strict=True):
        image = read_image(path)
        expected = np.stack([image] * 3) if image.ndim == 2 else image.transpose(2, 0, 1)
        np.testing.assert_array_equal(planes, expected)


def test_lr_is_exact_bicubic_of_the_cropped_image(photos_folder, tmp_path):
    files = list_images(photos_folder)
    store = from_files(files).lr_store(tmp_path / "cache", 3)
    for path, planes in zip(files, store.images, strict=True):
        image = read_image(path)
        small = imresize(image[: image.shape[0] // 3 * 3, : image.shape[1] // 3 * 3], 1 / 3)
        np.testing.assert_array_equal(planes, np.stack([small] * 3) if small.ndim == 2 else small.transpose(2, 0, 1))


def test_images_are_decoded_once_for_hr_and_every_scale(photos_folder, tmp_path):
    images, seen = from_files(list_images(photos_folder)), []
    counted = replace(images, read=lambda index: seen.append(index) or images.read(index))
    counted.hr_store(tmp_path / "cache")
    for scale in (2, 3, 4):
        counted.lr_store(tmp_path / "cache", scale)
    assert sorted(seen) == list(range(12))


def test_a_line_says_how_long_it_takes_where_it_takes_long(photos_folder, tmp_path, monkeypatch, capsys):
    from_files(list_images(photos_folder)).hr_store(tmp_path / "quick")
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(store_module, "PATIENCE", -1)
    from_files(list_images(photos_folder)).hr_store(tmp_path / "slow")
    said = capsys.readouterr().err
    assert re.fullmatch(rf"{tmp_path}/slow: stores 12 images once, about \d+ s to go\n", said)


def test_is_built_once_and_anew_when_a_file_changes(photos_folder, tmp_path):
    files, cache = list_images(photos_folder), tmp_path / "cache"
    first = from_files(files).hr_store(cache)
    assert from_files(files).hr_store(cache).folder == first.folder
    write_image(files[0], np.zeros((64, 64, 3), np.uint8))
    changed = from_files(files).hr_store(cache)
    assert changed.folder != first.folder and not changed.images[0].any()


def test_opens_in_another_process(photos_folder, tmp_path):
    store = from_files(list_images(photos_folder)).hr_store(tmp_path / "cache")
    assert len(pickle.dumps(store)) < 2000
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(store)).images[3], store.images[3])


def build(folder, cache):
    from_files(list_images(folder)).hr_store(cache)


def test_two_processes_may_build_the_same_store(photos_folder, tmp_path):
    context = multiprocessing.get_context("fork")
    builders = [context.Process(target=build, args=(photos_folder, tmp_path / "cache")) for _ in range(3)]
    for builder in builders:
        builder.start()
    for builder in builders:
        builder.join(60)
    assert [builder.exitcode for builder in builders] == [0, 0, 0]
    assert len(stores(tmp_path / "cache")) == 1


def test_a_failed_build_leaves_nothing(photos_folder, tmp_path):
    (photos_folder / "07.png").write_bytes((photos_folder / "07.png").read_bytes()[:200])
    with pytest.raises(SrlabError, match=r"07\.png: cannot be decoded"):
        from_files(list_images(photos_folder)).hr_store(tmp_path / "cache")
    assert stores(tmp_path / "cache") == []


def test_a_disk_known_to_be_full(photos_folder, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(store_module.shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(SrlabError, match=r"disk is full.*data\.cache"):
        from_files(list_images(photos_folder)).hr_store(tmp_path / "cache")
    assert stores(tmp_path / "cache") == []


def test_a_disk_that_fills_while_the_store_is_built(photos_folder, tmp_path, monkeypatch):
    """A real write that the kernel refuses: /dev/full answers every write with ENOSPC."""
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")
    real = store_module.os.fsync

    def fsync(handle: int) -> None:
        with Path("/dev/full").open("wb", buffering=0) as full:
            full.write(b"x")
        real(handle)

    monkeypatch.setattr(store_module.os, "fsync", fsync)
    with pytest.raises(SrlabError, match="disk is full"):
        from_files(list_images(photos_folder)).hr_store(tmp_path / "cache")
    assert stores(tmp_path / "cache") == []


def test_a_cache_that_cannot_be_written(photos_folder, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SrlabError, match=r"data\.cache"):
        from_files(list_images(photos_folder)).hr_store(tmp_path / "file" / "cache")


def test_small_images_are_refused_or_left_out(photos_folder, tmp_path):
    images = from_files(list_images(photos_folder))
    with pytest.raises(SrlabError, match=r"00\.png: 72x60 is smaller than the 64x64 .*\(4 such images\).*skip"):
        without_small(images, 64, "error")
    kept = without_small(images, 64, "skip")
    assert len(kept.names) == 8
    store = kept.hr_store(tmp_path / "cache")
    np.testing.assert_array_equal(store.images[0].transpose(1, 2, 0), read_image(photos_folder / "04.png"))


def test_errno_other_than_full_is_passed_on_with_its_text(tmp_path):
    def read(index):
        raise OSError(errno.EIO, "input/output error")

    with pytest.raises(SrlabError, match="input/output error"):
        open_store(tmp_path, "key", ["a"], [(4, 4)], read)


def test_an_image_of_another_size_than_its_header_said(tmp_path):
    """A file that has changed since its header was read."""
    with pytest.raises(SrlabError, match=r"a\.png: decodes to \(4, 5\), but its header says \(4, 4\)"):
        open_store(tmp_path, "key", ["a.png"], [(4, 4)], lambda index: np.zeros((4, 5, 3), np.uint8))
    assert stores(tmp_path) == []
