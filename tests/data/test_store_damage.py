"""A store that was whole once: whatever happened to its files is found, said and mended."""

import json
import multiprocessing
import threading

import numpy as np
import pytest
from filelock import FileLock
from helpers import wait_for

from srlab.atomic_write import partial_name
from srlab.commands.data import main
from srlab.data.store import damage, lock_of, open_store

SIZES = [(40, 30), (32, 64), (17, 23)]
IMAGES = [np.random.default_rng(i).integers(1, 256, (*size, 3), dtype=np.uint8) for i, size in enumerate(SIZES)]
NAMES = ["photos/a.png", "photos/b.png", "photos/c.png"]


def opened(cache, read=IMAGES.__getitem__):
    return open_store(cache, "key", NAMES, SIZES, read)


@pytest.fixture
def store(tmp_path):
    """A store's folder."""
    return opened(tmp_path / "cache").folder


def forbidden(index):
    raise AssertionError("a store that is there was made again")


def half(content):
    return content[: len(content) // 2]


DAMAGE = {
    "missing": None,
    "empty": lambda content: b"",
    "cut": half,
    "one byte short": lambda content: content[:-1],
    "one byte longer": lambda content: content + b"\n",
    "zeroed": lambda content: bytes(len(content)),
    "zeroed in its second half": lambda content: half(content) + bytes(len(content) - len(half(content))),
    "changed in one byte": lambda content: (
        half(content) + bytes([content[len(half(content))] ^ 1]) + content[len(half(content)) + 1 :]
    ),
}


def harm(path, how):
    if how is None:
        path.unlink()
    else:
        path.write_bytes(how(path.read_bytes()))


@pytest.mark.parametrize("name", ["images.bin", "index.json"])
@pytest.mark.parametrize("how", DAMAGE.values(), ids=DAMAGE.keys())
def test_damage_of_each_file_is_found_and_mended_with_a_line(store, name, how, capsys):
    opened(store.parent, forbidden)
    assert capsys.readouterr().err == ""
    before = {path.name: path.read_bytes() for path in store.iterdir()}
    harm(store / name, how)
    if name == "index.json" and how is DAMAGE["one byte longer"]:
        assert damage(store) == ""  # white space at the end is no damage
        return
    again = opened(store.parent)
    for image, planes in zip(IMAGES, again.images, strict=True):
        np.testing.assert_array_equal(planes, image.transpose(2, 0, 1))
    assert {path.name: path.read_bytes() for path in store.iterdir()} == before
    (line,) = capsys.readouterr().err.splitlines()
    assert str(store) in line and name in line and line.endswith("The images are decoded again.")


def test_both_files_missing(store, capsys):
    for path in store.iterdir():
        path.unlink()
    assert len(opened(store.parent)) == 3 and "index.json is missing" in capsys.readouterr().err


@pytest.mark.parametrize(
    "change",
    [
        lambda index: index.pop("sizes"),
        lambda index: index["sizes"].pop(),
        lambda index: index["sizes"].reverse(),
        lambda index: index["sizes"][0].reverse(),
        lambda index: index.update(names=[]),
        lambda index: index.update(check=None),
        lambda index: index.clear(),
    ],
)
def test_an_index_that_is_json_and_wrong(store, change):
    index = json.loads((store / "index.json").read_text(encoding="utf-8"))
    change(index)
    (store / "index.json").write_text(json.dumps(index), encoding="utf-8")
    assert damage(store).startswith("index.json")
    assert len(opened(store.parent)) == 3 and damage(store, SIZES, full=True) == ""


@pytest.mark.parametrize("text", ["[]", "null", "7", '"a"', "{}", "[[", "\ufeff{}"])
def test_an_index_that_is_something_else(store, text):
    (store / "index.json").write_text(text, encoding="utf-8")
    assert damage(store).startswith("index.json")


def test_images_of_other_sizes(store):
    assert damage(store, SIZES[::-1]) == "index.json is of images of other sizes"


def test_what_blocks_miss_the_whole_hash_finds(tmp_path, capsys):
    """A large store is compared in blocks when it is opened, and in full by srlab data cache."""
    side, cache = 512, tmp_path / "cache"
    image = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    store = open_store(cache, "large", ["a.png"], [(side, side)], lambda index: image).folder
    content = bytearray((store / "images.bin").read_bytes())
    content[4096 + 100] ^= 1  # between the first block and the second
    (store / "images.bin").write_bytes(content)
    assert damage(store) == "" and damage(store, full=True) == "images.bin has changed"
    assert main(["cache", f"data.cache={cache}"]) == 1
    assert "1 images of .: images.bin has changed; removed" in capsys.readouterr().out.replace(", 0.00 GB", "")
    assert not store.exists()


def test_zeroed_pages_of_a_large_store(tmp_path):
    side, cache = 1024, tmp_path / "cache"
    image = np.full((side, side, 3), 9, np.uint8)
    store = open_store(cache, "large", ["a.png"], [(side, side)], lambda index: image).folder
    size = (store / "images.bin").stat().st_size
    for start in (0, size // 3, size - 65536):
        content = bytearray(b"\x09" * size)
        content[start : start + 65536] = bytes(65536)
        (store / "images.bin").write_bytes(content)
        assert damage(store) == "images.bin has changed"


def test_the_cache_is_listed(store, capsys):
    older = store.with_name("0" * 32)
    older.mkdir()
    (older / "index.json").write_text('{"names": ["x/a.png"], "sizes": [[1, 1]]}', encoding="utf-8")
    assert main(["cache", f"data.cache={store.parent}"]) == 0
    out = capsys.readouterr().out
    assert f"{store.name}: 3 images of photos, 0.00 GB: whole" in out and "of an older version of srlab" in out
    with pytest.raises(SystemExit):
        main(["cache", f"data.cache={store.parent / 'none'}"])
    assert "none: no such folder. Say where the cache is: data.cache=DIR" in capsys.readouterr().err


def test_a_file_in_the_place_of_a_store_is_not_removed(tmp_path, capsys):
    file = tmp_path / ("0" * 32)
    file.write_bytes(b"somebody's")
    with pytest.raises(SystemExit, match="1"):
        main(["cache", f"data.cache={tmp_path}"])
    error = capsys.readouterr().err
    assert error == f"error: {file}: cannot be removed (Not a directory). Remove it by hand.\n"
    assert file.read_bytes() == b"somebody's"


def test_what_a_killed_process_left_is_removed(store):
    harm(store / "images.bin", None)
    left = partial_name(store)
    left.mkdir()
    (left / "images.bin").write_bytes(b"half")
    opened(store.parent)
    assert not left.exists() and damage(store) == ""


def slowly(cache, ready):
    def read(index):
        ready.set()
        return IMAGES[index]

    opened(cache, read)


def test_processes_that_mend_a_store_at_once_do_it_once(store, capfd):
    harm(store / "images.bin", half)
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    processes = [context.Process(target=slowly, args=(store.parent, ready)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * 4 and ready.is_set()
    assert capfd.readouterr().err.count("decoded again") == 1 and damage(store, SIZES, full=True) == ""


def test_a_process_that_waits_for_another_says_so(store, monkeypatch, capsys):
    monkeypatch.setattr("srlab.data.one_at_a_time.PATIENCE", 0.0)
    harm(store / "images.bin", None)
    said = []
    with FileLock(lock_of(store)):
        waiting = threading.Thread(target=opened, args=(store.parent,))
        waiting.start()
        wait_for(lambda: said.append(capsys.readouterr().err) or "".join(said).endswith("\n"), seconds=30)
        assert damage(store) == "images.bin is missing"
    waiting.join(30)
    line = "".join(said)
    assert line.startswith(f"{store}: ") and line.endswith(": waiting for another process that does it.\n")
    assert damage(store, full=True) == ""


def test_a_disk_without_locks(store, monkeypatch, capsys):
    """The damaged store is mended all the same; a store that another process has put there meanwhile is taken."""

    class NoLock:
        def __init__(self, path):
            pass

        def acquire(self, timeout=None):
            raise NotImplementedError

        def release(self):
            pass

    monkeypatch.setattr("srlab.data.one_at_a_time.FileLock", NoLock)
    harm(store / "images.bin", half)
    opened(store.parent)
    assert damage(store, full=True) == ""

    def another_was_first(index):
        if index == 0:
            opened(store.parent)
        return IMAGES[index]

    harm(store / "index.json", None)
    opened(store.parent, another_was_first)
    assert damage(store, full=True) == "" and not list(store.parent.glob("*.part"))


def test_a_lock_of_a_dead_process_holds_nobody(store):
    lock_of(store).write_bytes(b"left behind")
    harm(store / "images.bin", None)
    assert len(opened(store.parent)) == 3
