"""One owner of a folder, which a dead process is not."""

import os
import socket
import subprocess
import sys

import pytest
from programs import TINY, environment

from srlab import folder_lock
from srlab.commands.evaluation import evaluate_config
from srlab.config.compose import compose
from srlab.errors import SrlabError
from srlab.folder_lock import LOCK, check_not_owned, owned
from srlab.training.run import train_config

HOLD = """
import sys
from pathlib import Path
from srlab.folder_lock import owned
with owned(Path(sys.argv[1]), "training", "name=OTHER"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(folder_lock, "WAIT", 0.1)


def test_the_second_owner_is_told_the_process_and_the_host_of_the_first(tmp_path):
    """And a process that was killed owns nothing, whatever it has left."""
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    first = subprocess.Popen(command, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert first.stdout is not None and first.stdout.readline() == "held\n"
    expected = (
        f"process {first.pid} on {socket.gethostname()} is training there. Wait until it has ended, or say out=B."
    )
    for attempt in (
        lambda: check_not_owned(tmp_path, "out=B"),
        lambda: owned(tmp_path, "evaluating", "out=B").__enter__(),
    ):
        with pytest.raises(SrlabError) as refused:
            attempt()
        assert str(refused.value) == f"{tmp_path}: {expected}"
    first.kill()
    first.wait()
    assert (tmp_path / LOCK).is_file()
    check_not_owned(tmp_path, "out=B")
    with owned(tmp_path, "evaluating", "out=B"), pytest.raises(SrlabError, match=f"process {os.getpid()} on "):
        check_not_owned(tmp_path, "out=B")
    assert [path.name for path in tmp_path.iterdir()] == [LOCK]


def test_a_disk_without_locks_is_said(tmp_path, monkeypatch, capsys):
    def none(*args, **kwargs):
        raise NotImplementedError

    monkeypatch.setattr(folder_lock.FileLock, "acquire", none)
    with owned(tmp_path, "training", "name=OTHER"):
        (tmp_path / "x").touch()
    assert "this disk has no locks" in capsys.readouterr().err


def test_the_lock_is_given_back_after_an_error(tmp_path):
    with pytest.raises(ValueError, match="half"), owned(tmp_path, "training", "name=OTHER"):
        raise ValueError("half")
    check_not_owned(tmp_path, "name=OTHER")


def test_a_second_training_and_a_second_evaluation_are_refused(tmp_path):
    (tmp_path / "a").mkdir()
    with owned(tmp_path / "a", "at work", "none"):
        for work in (
            lambda: train_config(compose("train", [*TINY, f"runs={tmp_path}", "name=a"])),
            lambda: train_config(compose("train", [*TINY, f"runs={tmp_path}", "name=a", "resume=auto"])),
            lambda: train_config(compose("train", [*TINY, f"runs={tmp_path}", "name=a", "overwrite=true"])),
            lambda: evaluate_config(
                compose("evaluate", ["model=bicubic", "scale=2", "sets=[sample]", f"out={tmp_path / 'a'}"])
            ),
        ):
            with pytest.raises(SrlabError, match=rf"a: process {os.getpid()} on .* is at work there\. Wait until"):
                work()
    assert [path.name for path in (tmp_path / "a").iterdir()] == [LOCK]
