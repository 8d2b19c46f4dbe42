"""Files and folders that appear whole or not at all."""

import pytest

from srlab.atomic_write import atomic_folder, atomic_write, write_text


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
    (tmp_path / "study.part").mkdir()
    (tmp_path / "study.part" / "left by an earlier attempt").touch()
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
