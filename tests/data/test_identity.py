"""Images are known by their content: moved, touched or copied they are the same; a changed pixel is another image."""

import json
import os
import shutil
import time

import numpy as np
import pytest
from helpers import write_image

from srlab.config.compose import compose
from srlab.config.parse import parse
from srlab.config.schema import TrainConfig
from srlab.data import identity as module
from srlab.data.datamodule import SuperResolutionData
from srlab.data.identity import identity
from srlab.data.synthetic import synthetic_image
from srlab.errors import SrlabError
from srlab.imaging.folders import list_images
from srlab.metrics.protocol import protocol


@pytest.fixture
def folder(tmp_path):
    """Six images that were written an hour ago."""
    for i in range(6):
        write_image(tmp_path / "photos" / f"{i}.png", synthetic_image(i, 64))
    return aged(tmp_path / "photos")


def aged(folder, monkeypatch=None):
    hour_ago = time.time() - 3600
    for path in folder.iterdir():
        os.utime(path, (hour_ago, hour_ago))
    return folder


@pytest.fixture
def later(monkeypatch):
    """Has the cache remember files that have changed a moment ago, as if time had passed."""
    monkeypatch.setattr(module, "RECENT", -3600)


@pytest.fixture
def reads(monkeypatch):
    """The names of files that are read."""
    names: list[str] = []
    original = module._read_one
    monkeypatch.setattr(module, "_read_one", lambda path: (names.append(path.name), original(path))[1])
    return names


def key(folder, cache=None):
    return identity(list_images(folder), cache)


def test_moved_touched_and_copied_images_are_the_same(folder, tmp_path):
    first = key(folder)
    for path in folder.iterdir():
        path.touch()
    assert key(folder) == first
    shutil.copytree(folder, tmp_path / "copy")
    folder.rename(tmp_path / "elsewhere")
    assert key(tmp_path / "copy") == key(tmp_path / "elsewhere") == first


def test_another_pixel_name_order_or_number_is_another_set(folder):
    files = list_images(folder)
    keys = {identity(files), identity(files[::-1]), identity(files[:5])}
    content = bytearray(files[0].read_bytes())
    content[-20] ^= 1
    files[0].write_bytes(content)
    keys.add(identity(files))
    files[1].rename(folder / "1b.png")
    keys.add(key(folder))
    assert len(keys) == 5


def test_each_image_is_read_once(folder, tmp_path, reads, later):
    cache = tmp_path / "cache"
    first = key(folder, cache)
    assert sorted(reads) == [f"{i}.png" for i in range(6)]
    assert key(folder, cache) == first == key(folder) and len(reads) == 12  # without a cache all are read
    reads.clear()
    write_image(folder / "3.png", synthetic_image(9, 64))
    assert key(folder, cache) != first and reads == ["3.png"]
    assert identity(list_images(folder)[:2], cache) and key(folder, cache) and reads == ["3.png"]


def test_a_change_that_keeps_size_and_time_is_seen(folder, tmp_path, later):
    path, cache = folder / "3.png", tmp_path / "cache"
    first, status = key(folder, cache), path.stat()
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert path.stat().st_mtime_ns == status.st_mtime_ns and path.stat().st_size == status.st_size
    assert key(folder, cache) != first


def test_files_that_have_just_changed_are_read_again(folder, tmp_path, reads):
    """Two changes within one tick of the disk's clock would leave the same times."""
    (folder / "3.png").touch()
    key(folder, tmp_path / "cache")
    reads.clear()
    key(folder, tmp_path / "cache")
    assert "3.png" in reads


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"files": {}}', '{"files": [], "check": ""}'])
def test_a_damaged_memory_is_made_anew(folder, tmp_path, reads, later, text):
    cache = tmp_path / "cache"
    first = key(folder, cache)
    (memory,) = (cache / "hashes").glob("*.json")
    memory.write_text(text, encoding="utf-8")
    assert key(folder, cache) == first and len(reads) == 12
    assert key(folder, cache) == first and len(reads) == 12


def test_a_false_hash_in_the_memory_is_not_believed(folder, tmp_path, later):
    cache = tmp_path / "cache"
    first = key(folder, cache)
    (memory,) = (cache / "hashes").glob("*.json")
    content = json.loads(memory.read_text(encoding="utf-8"))
    content["files"]["0.png"][3] = "0" * 64
    memory.write_text(json.dumps(content), encoding="utf-8")
    assert key(folder, cache) == first


def test_a_cache_that_cannot_be_written(folder, tmp_path):
    (tmp_path / "file").touch()
    assert key(folder, tmp_path / "file") == key(folder)


def test_a_file_that_is_gone_is_named(folder):
    files = list_images(folder)
    files[2].unlink()
    with pytest.raises(SrlabError, match=r"2\.png: cannot be read \(No such file or directory\)"):
        identity(files)


def data(folder, tmp_path):
    words = ["data=folder", f"data.train=[{folder}]", "data.patch_size=8", f"data.cache={tmp_path / 'cache'}"]
    return SuperResolutionData(parse(compose("train", words), TrainConfig).data, (2,), protocol("luma"), seed=0)


def test_moved_images_share_the_store_and_the_state_of_a_run(folder, tmp_path):
    first = data(folder, tmp_path)
    first.setup()
    moved = folder.rename(tmp_path / "elsewhere")
    for path in moved.iterdir():
        path.touch()
    second = data(moved, tmp_path)
    second.setup()
    assert second.state_dict() == first.state_dict() and "5 images, " in first.state_dict()["images"]
    assert second.stores[0].folder == first.stores[0].folder
    write_image(moved / "1.png", np.zeros((64, 64, 3), np.uint8))
    assert data(moved, tmp_path).state_dict() != first.state_dict()
