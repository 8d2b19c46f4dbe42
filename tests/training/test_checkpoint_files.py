"""Checkpoints are whole or absent: with every operation of the system failing in turn, and $TMPDIR on another disk."""

import errno
import os
from pathlib import Path

import pytest
import torch

from srlab.errors import SrlabError
from srlab.run_files import RunFiles, checkpoint_to_go_on_from, damage
from srlab.training.checkpoint_files import WholeCheckpoints

OPERATIONS = ("open", "write", "fsync", "close", "link", "replace")
FAULTS = (errno.EACCES, errno.ENOSPC, errno.EIO)


def content(step: int) -> dict[str, object]:
    return {"global_step": step, "state_dict": {"weight": torch.full((100, 100), float(step))}}


def save(path: Path, step: int) -> None:
    WholeCheckpoints().save_checkpoint(content(step), path)


def step_in(path: Path) -> int:
    loaded = torch.load(path, weights_only=True)
    assert loaded["state_dict"]["weight"].unique().tolist() == [loaded["global_step"]]
    return loaded["global_step"]


class Fault:
    """Counts the calls of an operation of `os` within a folder, and has one of them fail."""

    def __init__(self, monkeypatch, operation: str, error: int, failing: int) -> None:
        self.calls, self.failing, self.error = 0, failing, error
        self.real = getattr(os, operation)
        monkeypatch.setattr(os, operation, self)

    def __call__(self, *args, **kwargs):
        self.calls += 1
        if self.calls == self.failing:
            if self.real is os.close:
                self.real(*args)
            raise OSError(self.error, os.strerror(self.error))
        return self.real(*args, **kwargs)


@pytest.mark.parametrize("error", FAULTS, ids=errno.errorcode.get)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_when_any_call_fails_there_is_a_whole_checkpoint_and_an_error(tmp_path, operation, error):
    failing, real = 0, os.close
    while True:
        failing += 1
        files = RunFiles(tmp_path / f"run{failing}")
        save(files.last, 1)
        save(files.last, 2)
        with pytest.MonkeyPatch.context() as patch:
            fault = Fault(patch, operation, error, failing)
            try:
                save(files.last, 3)
                message = None
            except SrlabError as failed:
                message = str(failed)
        assert os.close is real
        assert step_in(files.last) in ((3,) if message is None else (2, 3))
        assert step_in(files.previous) in (1, 2)
        assert sorted(path.name for path in files.checkpoints.iterdir()) == ["last.ckpt", "previous.ckpt"]
        if fault.calls < failing:
            break
        if operation == "link":  # a disk without hard links: the earlier one is copied
            assert message is None
            continue
        assert message is not None and "\n" not in message
        assert str(files.last) in message and os.strerror(error) in message and "GB are free" in message
    assert failing > 1, f"os.{operation} was never called"


def test_a_file_that_reads_back_otherwise_is_not_taken(tmp_path, monkeypatch):
    last = RunFiles(tmp_path / "run").last
    save(last, 1)
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, bytes(len(data))))
    with pytest.raises(SrlabError, match="what was read back is not what was written"):
        save(last, 2)
    monkeypatch.undo()
    assert step_in(last) == 1


def test_writes_that_take_a_part_are_gone_on_with(tmp_path, monkeypatch):
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:1000]))
    save(tmp_path / "last.ckpt", 1)
    assert step_in(tmp_path / "last.ckpt") == 1


def test_nothing_is_written_to_the_folder_of_temporary_files(tmp_path, monkeypatch):
    """Nor can be: a checkpoint that was moved from another disk would be copied there, and torn by a kill."""
    monkeypatch.setenv("TMPDIR", str(tmp_path / "missing"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    save(tmp_path / "run" / "last.ckpt", 1)
    assert step_in(tmp_path / "run" / "last.ckpt") == 1


@pytest.fixture
def run(tmp_path) -> RunFiles:
    files = RunFiles(tmp_path / "run")
    for path, step in ((files.best, 1), (files.last, 2), (files.last, 3)):
        save(path, step)
    return files


def tear(path: Path, how: str) -> None:
    whole = path.read_bytes()
    half = len(whole) // 2
    torn = {"short": whole[:half], "empty": b"", "zeroed": whole[:half] + bytes(len(whole) - half),
            "a bit": whole[:half] + bytes([whole[half] ^ 1]) + whole[half + 1 :]}  # fmt: skip
    path.unlink()  # and not the file that has a second name
    if how != "missing":
        path.write_bytes(torn[how])


@pytest.mark.parametrize("how", ["missing", "short", "empty", "zeroed", "a bit"])
def test_a_run_goes_on_from_the_last_checkpoint_that_is_whole(run, how):
    assert checkpoint_to_go_on_from(run.folder) == (run.last, "")
    tear(run.last, how)
    path, line = checkpoint_to_go_on_from(run.folder)
    assert path == run.previous and step_in(run.previous) == 2
    assert "goes on from previous.ckpt, the one before: last.ckpt is" in line
    tear(run.previous, how)
    path, line = checkpoint_to_go_on_from(run.folder)
    assert path == run.best and "goes on from best.ckpt, the best one" in line
    tear(run.best, how)
    path, line = checkpoint_to_go_on_from(run.folder)
    assert path is None and "starts anew: last.ckpt is" in line and "\n" not in line
    assert ("missing" if how == "missing" else "damaged (") in line


def test_a_file_that_cannot_be_read_is_not_taken_for_a_damaged_one(run, monkeypatch):
    """Starting anew would remove it."""
    real = Path.open

    def refused(path, *args, **kwargs):
        if path.suffix == ".ckpt":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real(path, *args, **kwargs)

    monkeypatch.setattr(Path, "open", refused)
    with pytest.raises(SrlabError, match=r"last\.ckpt: cannot be read \(Permission denied\)"):
        checkpoint_to_go_on_from(run.folder)


def test_damage_is_none_in_what_torch_writes(run):
    assert damage(run.last) is None and damage(run.best) is None
