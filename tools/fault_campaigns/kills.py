"""Kills of whole trainings and of single processes: at random moments, and in the middle of saving."""

import os
import random
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from fault_campaigns.row import Row
from fault_campaigns.trainings import (
    SETUPS,
    STEPS,
    differences,
    ended,
    kill,
    start,
    steps_logged,
    wait_until,
    words,
)
from srlab.atomic_write import is_temporary
from srlab.run_files import RunFiles

MEMORY_DISK = Path("/dev/shm")  # another file system than that of the runs, where there is one
Program = subprocess.Popen[str]
Moment = Callable[[random.Random, Program, RunFiles], bool]  # waits for it; tells whether the program still runs
RANK_SECONDS = 60  # after which all processes must have ended when one was killed


def random_kills(generator: random.Random, tries: int, folder: Path) -> Row:
    """Trainings of each kind, killed at random moments and resumed until they have ended; then compared."""
    row = Row("kills at random moments, resumed each time")
    kinds = list(SETUPS)
    for number, setup in enumerate(kinds):
        kills = tries // len(kinds) + (number < tries % len(kinds))
        if kills:
            _killed_training(row, generator, folder, setup, kills, _at_a_random_step)
    row.note = f"{', '.join(kinds)}; every run ended with the bits of one that was not stopped"
    return row


def kills_in_saving(generator: random.Random, tries: int, folder: Path) -> Row:
    """Kills while a checkpoint is being written, with $TMPDIR on another disk."""
    row = Row("kills in the middle of saving a checkpoint")
    with tempfile.TemporaryDirectory(dir=MEMORY_DISK if MEMORY_DISK.is_dir() else None) as temporary:
        _killed_training(row, generator, folder, "EDSR", tries, _in_a_save, TMPDIR=temporary)
        row.expect(not any(Path(temporary).rglob("*.ckpt*")), "a checkpoint was staged in $TMPDIR")
    row.note = "$TMPDIR on another file system" if MEMORY_DISK.is_dir() else "$TMPDIR on the same file system"
    return row


def _killed_training(
    row: Row, generator: random.Random, folder: Path, setup: str, kills: int, moment: Moment, **variables: str
) -> None:
    """Adds kills of one training to a row; `moment` waits for the next one, and returns whether the program runs."""
    whole, other = (RunFiles(folder / "runs" / f"{name}-{setup.replace(' ', '-')}") for name in ("whole", "killed"))
    options = words(setup)
    code, _, errors = ended(start(folder, "train.py", *options, f"name={whole.folder.name}"))
    row.expect(code == 0, f"{setup}: the run that is not stopped ended with {code}: {errors[-300:]}")
    done = 0
    while True:
        program = start(folder, "train.py", *options, f"name={other.folder.name}", "resume=auto", **variables)
        if done < kills and moment(generator, program, other):
            kill(program)
            program.communicate()
            done += 1
            continue
        code, _, errors = ended(program)
        row.expect(code == 0, f"{setup}, after {done} kills: ended with {code}: {errors[-300:]}")
        if done >= kills or code:
            break
        _begin_anew(other)
    row.tries += done
    row.problems += [f"{setup}: {difference}" for difference in differences(whole, other)]


def _begin_anew(files: RunFiles) -> None:
    """Moves a run that ended before all kills were done aside."""
    files.folder.rename(files.folder.with_name(f"{files.folder.name}-{time.monotonic_ns()}"))


def _at_a_random_step(generator: random.Random, program: Program, files: RunFiles) -> bool:
    """Some of the kills come while the program starts, before its first step or after its last."""
    if generator.random() < 0.2:
        end = time.monotonic() + generator.uniform(0, 8)
        return wait_until(program, lambda: time.monotonic() > end)
    step = min(steps_logged(files) + generator.randint(1, 20), STEPS)
    running = wait_until(program, lambda: steps_logged(files) >= step)
    time.sleep(generator.uniform(0, 0.05))
    return running and program.poll() is None


def _in_a_save(generator: random.Random, program: Program, files: RunFiles) -> bool:
    """Once something half-written lies in the folder of checkpoints, and some milliseconds later."""
    first = steps_logged(files) + generator.randint(1, 8)
    wait_until(program, lambda: steps_logged(files) >= first)
    running = wait_until(program, lambda: _half_written(files.checkpoints), pause=0.0002)
    time.sleep(generator.uniform(0, 0.01))
    return running and program.poll() is None


def _half_written(folder: Path) -> bool:
    try:
        return any(is_temporary(path) for path in folder.iterdir())
    except FileNotFoundError:
        return False


def rank_deaths(generator: random.Random, tries: int, folder: Path) -> Row:
    """One of two processes is killed: the other must end, and one line must say how it came."""
    row = Row("one of two processes of a run killed", note=f"all ended within {RANK_SECONDS} s, one line")
    for number in range(tries):
        files = RunFiles(folder / "runs" / f"rank{number}")
        program = start(
            folder, "train.py", *words("EDSR on two processes", "trainer.max_steps=1000000"), f"name=rank{number}"
        )
        step = generator.randint(1, 30)
        wait_until(program, lambda files=files, step=step: steps_logged(files) > step)
        ranks = _ranks(program.pid)
        if not ranks:
            row.problems.append(f"{number}: no processes were found")
            kill(program)
            continue
        os.kill(generator.choice(ranks), signal.SIGKILL)
        began = time.monotonic()
        code, _, errors = ended(program)
        row.tries += 1
        row.expect(time.monotonic() - began < RANK_SECONDS, f"{number}: the others took longer")
        one_line = code == 1 and errors.count("\n") == 1 and re.search("killed by signal 9", errors)
        row.expect(bool(one_line), f"{number}: code {code}: {errors[-300:]}")
    return row


def _ranks(program: int) -> list[int]:
    """The processes that train: what the fork server of a program has forked. By Linux's /proc."""
    return [rank for child in _children(program) for rank in _children(child)]


def _children(process: int) -> list[int]:
    path = Path(f"/proc/{process}/task/{process}/children")
    return [int(number) for number in path.read_text(encoding="utf-8").split()] if path.is_file() else []
