"""Signals and trainer.max_time: the step is finished and saved, one line says so, and the resumed run is the same."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from helpers import ROOT
from programs import TINY, alive, environment, train, working_in

from srlab.config.compose import compose
from srlab.errors import SrlabError
from srlab.run_files import RunFiles
from srlab.training import step_boundary
from srlab.training.ending import Ended, Ending, seconds_of_max_time, steps_or_seconds
from srlab.training.loggers.csv_log import read_rows
from srlab.training.run import train_config

LONG = [*TINY[:-3], "trainer.max_steps=1000000", "trainer.val_check_interval=1000000", "trainer.accelerator=cpu",
        "trainer.progress_bar=false"]  # fmt: skip


def content(path: Path) -> dict:
    return torch.load(path, weights_only=True)


def same(one: Path, other: Path) -> bool:
    """Whether two checkpoints hold the same weights and moments."""
    a, b = content(one), content(other)
    moments = [c["optimizer_states"][0]["state"] for c in (a, b)]
    return (
        a["global_step"] == b["global_step"]
        and all(torch.equal(value, b["state_dict"][key]) for key, value in a["state_dict"].items())
        and all(torch.equal(moments[0][i][k], moments[1][i][k]) for i in moments[0] for k in moments[0][i])
    )


def rows(folder: Path) -> list[dict[str, str]]:
    found = read_rows(folder / "metrics.csv")
    for row in found:
        row.pop("train/images_per_second", None)
    return found


class SignalAt:
    """Sends this process a signal in the middle of a step."""

    def __init__(self, monkeypatch, step: int, number: int) -> None:
        real = step_boundary.StepBoundary.on_train_batch_start

        def hook(boundary, trainer, *args) -> None:
            real(boundary, trainer, *args)
            if trainer.global_step == step - 1:
                os.kill(os.getpid(), number)

        monkeypatch.setattr(step_boundary.StepBoundary, "on_train_batch_start", hook)


@pytest.mark.parametrize(
    ("model", "step", "more"),
    [
        ("edsr_baseline", 3, ["model.ema=0.9", "schedule=onecycle"]),
        ("edsr_baseline", 4, ["trainer.accumulate_grad_batches=2"]),  # a validation follows that step
    ],
)
def test_a_run_that_was_ended_goes_on_to_the_same_bits(tmp_path, monkeypatch, capsys, model, step, more):
    words = [f"model={model}", *TINY[1:-3], "trainer.max_steps=6", "trainer.val_check_interval=2", *more,
             "trainer.accelerator=cpu", "trainer.log_every_n_steps=1", f"runs={tmp_path}"]  # fmt: skip
    train_config(compose("train", [*words, "name=whole"]))
    before = signal.getsignal(signal.SIGTERM)
    with monkeypatch.context() as patch, pytest.raises(Ended) as ended:
        SignalAt(patch, step, signal.SIGTERM)
        train_config(compose("train", [*words, "name=parts"]))
    assert ended.value.code == 143 and signal.getsignal(signal.SIGTERM) == before
    whole, parts = RunFiles(tmp_path / "whole"), RunFiles(tmp_path / "parts")
    line = f"{parts.folder}: ended by SIGTERM after step {step}/6: saved in {parts.last}; go on with resume="
    assert capsys.readouterr().out.count(line) == 1
    assert content(parts.last)["global_step"] == step and not parts.results.exists()
    train_config(compose("train", [*words, "name=parts", "resume=auto"]))
    assert same(whole.last, parts.last) and same(whole.best, parts.best)
    assert rows(whole.folder) == rows(parts.folder)


def test_a_second_signal_that_is_the_first_one_again_changes_nothing():
    """Ctrl-C reaches a whole process group, and is passed on to the ranks besides."""
    ending = Ending()
    with ending.heard():
        ending.waiting = True
        for _ in range(3):
            os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        assert ending.code == 130
        ending._at -= 2  # seconds ago
        with pytest.raises(Ended) as ended:
            os.kill(os.getpid(), signal.SIGINT)
    assert ended.value.code == 130


def test_what_the_process_was_started_to_ignore_is_ignored_still():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        ending = Ending()
        with ending.heard():
            ending.listen()
            os.kill(os.getpid(), signal.SIGHUP)
            assert ending.code == 0
    finally:
        signal.signal(signal.SIGHUP, before)


def test_the_handler_of_another_program_is_called_when_all_is_saved():
    """submitit's starts the job again."""
    calls: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, frame: calls.append(number))
    try:
        ending = Ending()
        with ending.heard():
            ending.waiting = True
            os.kill(os.getpid(), signal.SIGUSR1)
            assert ending.code == 138 and calls == []
            ending.pass_on()
            assert calls == [signal.SIGUSR1]
    finally:
        signal.signal(signal.SIGUSR1, before)


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(ROOT / "train.py"), *words]
    return subprocess.Popen(
        command, cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # noqa: PLW1509 - under nohup, too
    )  # fmt: skip


def wait_for(found: Callable[[], bool], program: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 200
    while not found() and program.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)


def steps_of(log: Path) -> int:
    return len(read_rows(log)) if log.is_file() else 0


def test_two_ranks_end_at_the_same_step_and_go_on_to_the_same_bits(tmp_path):
    """SIGTERM to the program; then max_time, after which the run goes on from there by the run's folder."""
    words = ["name=a", "trainer.devices=2", "trainer.log_every_n_steps=1", "trainer.save_every=3", *LONG]
    files = RunFiles(tmp_path / "runs" / "a")
    program = start(tmp_path, *words)
    wait_for(lambda: steps_of(files.metrics_log) > 5, program)
    program.send_signal(signal.SIGTERM)
    output, errors = program.communicate(timeout=100)
    assert program.returncode == 143, errors
    last = content(files.last)["global_step"]
    assert output.count("ended by") == 1 and f"runs/a: ended by SIGTERM after step {last}/1000000: saved" in output
    assert [int(row["step"]) for row in rows(files.folder)] == list(range(last))
    assert last - 3 <= content(files.previous)["global_step"] < last  # by trainer.save_every
    assert alive(tmp_path) == []
    more = train(tmp_path, "resume=runs/a", "trainer.max_time=00:00:15", "trainer.save_every=10min")
    assert more.returncode == 75, more.stderr
    further = content(files.last)["global_step"]
    assert further >= last and f"runs/a: ended by trainer.max_time after step {further}/1000000" in more.stdout
    done = train(tmp_path, *words, "resume=auto", "trainer.max_time=null", f"trainer.stop_after={further + 2}")
    assert done.returncode == 0, done.stderr
    whole = train(tmp_path, *words, "name=whole", f"trainer.stop_after={further + 2}")
    assert whole.returncode == 0, whole.stderr
    assert same(files.last, RunFiles(tmp_path / "runs" / "whole").last)
    assert rows(files.folder) == rows(tmp_path / "runs" / "whole")


def test_a_sweep_names_the_job_that_was_ended(tmp_path):
    program = start(tmp_path, "-m", "seed=1,2", "name=s", "trainer.log_every_n_steps=1", *LONG)
    files = RunFiles(tmp_path / "runs" / "s" / "seed-1")
    wait_for(lambda: steps_of(files.metrics_log) > 2, program)
    program.send_signal(signal.SIGHUP)
    output, errors = program.communicate(timeout=100)
    assert program.returncode == 129, errors
    assert "runs/s/seed-1: ended by SIGHUP after step" in output and "\njob seed-2" not in output
    assert "runs/s: jobs that have begun and have no results: seed-1. The same command with resume=auto" in output
    assert files.last.is_file() and not files.results.exists() and alive(tmp_path) == []


def test_a_rank_that_is_killed_ends_the_others(tmp_path):
    program = start(tmp_path, "name=a", "trainer.devices=2", "trainer.log_every_n_steps=1", *LONG)
    log = tmp_path / "runs" / "a" / "metrics.csv"
    wait_for(lambda: steps_of(log) > 2, program)
    ranks = children_of_forkserver(tmp_path)
    assert len(ranks) == 2, working_in(tmp_path)
    os.kill(ranks[-1], signal.SIGKILL)
    begin = time.monotonic()
    _, errors = program.communicate(timeout=100)
    assert time.monotonic() - begin < 60 and program.returncode == 1
    assert errors.startswith("error: runs/a: process ") and errors.count("\n") == 1, errors
    assert "of 2 was killed by signal 9 (SIGKILL): perhaps out of memory" in errors
    assert alive(tmp_path) == []


def children_of_forkserver(folder: Path) -> list[int]:
    """The processes of the folder whose parent's parent also works there: ranks are forked from the fork server."""
    parents = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() == folder.resolve():
                parents[int(process.name)] = int((process / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    return sorted(pid for pid, parent in parents.items() if parents.get(parent) in parents)


@pytest.mark.parametrize(
    ("text", "seconds"), [("11:30", 41400.0), ("00:00:05", 5.0), ("100:00", 360000.0), (None, None)]
)
def test_the_time_of_max_time(text, seconds):
    assert seconds_of_max_time(text) == seconds


@pytest.mark.parametrize("text", ["90", "1:75", "00:00", "-1:00", "ten"])
def test_a_max_time_that_is_none(text):
    with pytest.raises(SrlabError, match=f"trainer.max_time={text}: expected HH:MM"):
        seconds_of_max_time(text)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("500", (500, None)),
        ("10min", (None, 600.0)),
        ("90s", (None, 90.0)),
        ("1h", (None, 3600.0)),
        (None, (None, None)),
    ],
)
def test_what_save_every_says(text, wanted):
    assert steps_or_seconds(text) == wanted


@pytest.mark.parametrize("text", ["0", "-5", "ten", "1.5h", "10 days"])
def test_a_save_every_that_is_none(text):
    with pytest.raises(SrlabError, match=f"trainer.save_every={text}: expected steps or a time"):
        steps_or_seconds(text)


def test_both_are_texts_on_the_command_line_and_mistakes_come_before_anything_is_written(tmp_path):
    config = compose("train", ["trainer.max_time=11:30", "trainer.save_every=500"])
    assert (config.trainer.max_time, str(config.trainer.save_every)) == ("11:30", "500")
    for word in ("trainer.max_time=soon", "trainer.save_every=often"):
        with pytest.raises(SrlabError, match=f"{word}: expected"):
            train_config(compose("train", [*TINY, f"runs={tmp_path / 'runs'}", word]))
    assert not (tmp_path / "runs").exists()
