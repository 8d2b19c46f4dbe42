"""Files and folders that appear whole or not at all."""

import errno
import os

import pytest

from srlab.atomic_write import atomic_folder, atomic_write, partial_name, remove_abandoned, write_text


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_whole(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old\r\n")
    with atomic_write(path) as partial:
        partial.write_text("new")
        assert path.read_bytes() == b"old\r\n"
    assert path.read_text() == "new" and names(tmp_path) == ["a.txt"]


def test_after_an_error_the_old_file_stays(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(KeyboardInterrupt), atomic_write(path) as partial:
        partial.write_text("half of it")
        raise KeyboardInterrupt
    assert path.read_text() == "old" and names(tmp_path) == ["a.txt"]


def test_a_folder_appears_whole(tmp_path):
    with atomic_folder(tmp_path / "study") as partial:
        (partial / "images").mkdir()
        assert not (tmp_path / "study").exists()
    assert names(tmp_path) == ["study"] and names(tmp_path / "study") == ["images"]


def test_an_empty_folder_is_replaced_and_its_parents_are_made(tmp_path):
    (tmp_path / "a" / "empty").mkdir(parents=True)
    for name in ("a/empty", "b/c/new"):
        with atomic_folder(tmp_path / name) as partial:
            (partial / "x").touch()
        assert names(tmp_path / name) == ["x"]


def test_after_an_error_no_part_of_a_folder_stays(tmp_path):
    with pytest.raises(ValueError, match="half"), atomic_folder(tmp_path / "study") as partial:
        (partial / "x").touch()
        raise ValueError("half")
    assert names(tmp_path) == []


def test_a_folder_with_something_in_it_stays_as_it_is(tmp_path):
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "ratings").touch()
    with pytest.raises(OSError, match="not empty"), atomic_folder(tmp_path / "study") as partial:
        (partial / "x").touch()
    assert names(tmp_path) == ["study"] and names(tmp_path / "study") == ["ratings"]


def test_two_that_write_the_same_do_not_write_into_each_others(tmp_path):
    path = tmp_path / "a.txt"
    with atomic_write(path) as first, atomic_write(path) as second:
        first.write_text("first")
        second.write_text("second")
    assert path.read_text() == "first", "the last one that has ended"
    with atomic_folder(tmp_path / "b") as first:
        with pytest.raises(ValueError, match="half"), atomic_folder(tmp_path / "b"):
            raise ValueError("half")
        (first / "x").touch()
    assert names(tmp_path / "b") == ["x"]


@pytest.mark.parametrize("error", [errno.EACCES, errno.ENOSPC, errno.EIO], ids=errno.errorcode.get)
@pytest.mark.parametrize("operation", ["open", "fsync", "replace"])
def test_when_a_call_fails_the_old_file_or_the_new_one_is_there(tmp_path, monkeypatch, operation, error):
    path, real = tmp_path / "a.txt", getattr(os, operation)
    for failing in (1, 2):  # of the file, of its folder
        write_text(path, "old")
        calls = []

        def fault(*args, failing=failing, calls=calls):
            calls.append(args)
            if len(calls) == failing:
                raise OSError(error, os.strerror(error))
            return real(*args)

        monkeypatch.setattr(os, operation, fault)
        if operation == "replace" and failing == 2:
            write_text(path, "new")
        else:
            with pytest.raises(OSError, match=os.strerror(error)):
                write_text(path, "new")
        monkeypatch.undo()
        assert path.read_text() == ("old" if failing == 1 else "new") and names(tmp_path) == ["a.txt"]


def test_a_file_is_on_the_disk_before_it_gets_its_name(tmp_path, monkeypatch):
    order = []
    for operation in ("fsync", "replace"):
        real = getattr(os, operation)
        monkeypatch.setattr(os, operation, lambda *args, real=real, name=operation: (order.append(name), real(*args)))
    write_text(tmp_path / "a.txt", "text")
    assert order == ["fsync", "replace", "fsync"]


def test_what_dead_processes_left_is_removed_and_nothing_else(tmp_path):
    old, new, other = (partial_name(tmp_path / name) for name in ("study", "study", "other"))
    for path in (old, new, other):
        path.mkdir()
    (tmp_path / "study.zip.part").touch()  # a download that goes on
    for path in (old, other, tmp_path / "study.zip.part"):
        os.utime(path, (0, 0))
    with atomic_folder(tmp_path / "study"):
        pass
    assert names(tmp_path) == sorted([new.name, other.name, "study", "study.zip.part"])
    remove_abandoned(tmp_path, age=0)
    assert names(tmp_path) == ["study", "study.zip.part"]


def test_a_name_as_long_as_can_be(tmp_path):
    path = tmp_path / ("ä" * 127)
    write_text(path, "text")
    assert names(tmp_path) == [path.name]
