"""Small trainings as programs of their own, which campaigns start, kill and compare."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from srlab.run_files import RunFiles
from srlab.training.loggers.csv_log import read_rows

ROOT = Path(__file__).parents[2]
SECONDS = 600  # that one program may take
STEPS = 60
SMALL = ["data=sample", "data.sample_images=4", "data.sample_size=64", "data.patch_size=8", "data.batch_size=4",
         f"trainer.max_steps={STEPS}", "trainer.val_check_interval=20", "trainer.save_every=4",
         "trainer.accelerator=cpu", "trainer.progress_bar=false", "trainer.log_every_n_steps=1",
         "sets=[sample]"]  # fmt: skip
SETUPS = {
    "EDSR": ["model=edsr_baseline", "model.network.features=32", "model.network.blocks=4", "model.ema=0.9"],
    "MDSR": ["model=mdsr_baseline", "model.network.features=16", "model.network.blocks=2"],
    "SRGAN": ["model=srgan", "loss=srgan_mse", "scale=2", "init_from=scratch", "model.network.features=8",
              "model.network.blocks=1", "model.discriminator.features=4", "model.discriminator.dense=8",
              "data.patch_size=12"],
    "EDSR on two processes": ["model=edsr_baseline", "model.network.features=16", "model.network.blocks=2",
                              "trainer.devices=2"],
}  # fmt: skip


def words(setup: str, *more: str) -> list[str]:
    """The options of a small training; later ones replace earlier ones of the same name."""
    chosen = {word.partition("=")[0]: word for word in [*SMALL, *SETUPS[setup], *more]}
    return list(chosen.values())


def start(folder: Path, program: str, *options: str, **variables: str) -> "subprocess.Popen[str]":
    """Starts a program of srlab in a folder, as the leader of a group of processes.

    Args:
        folder: where it works.
        program: train.py, evaluate.py, or -m for a module.
        options: of the program.
        variables: of its environment, besides this process's.
    """
    what = program if program.startswith("-") else str(ROOT / program)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1", **variables}
    return subprocess.Popen(
        [sys.executable, what, *options], cwd=folder, env=environment, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def ended(program: "subprocess.Popen[str]") -> tuple[int, str, str]:
    """Waits for a program; returns its code, its output and its errors. One that hangs is killed, with code -9."""
    try:
        output, errors = program.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        kill(program)
        output, errors = program.communicate()
    return program.returncode, output, errors


def kill(program: "subprocess.Popen[str]") -> None:
    """Kills a program and all processes of it at once, as a machine does that loses its power."""
    with contextlib.suppress(ProcessLookupError):  # it has just ended
        os.killpg(program.pid, signal.SIGKILL)
    program.wait()


def wait_until(program: "subprocess.Popen[str]", holds: Callable[[], bool], pause: float = 0.01) -> bool:
    """Waits until something holds or the program has ended; returns whether it still runs."""
    deadline = time.monotonic() + SECONDS
    while program.poll() is None and not holds() and time.monotonic() < deadline:
        time.sleep(pause)
    return program.poll() is None


def steps_logged(files: RunFiles) -> int:
    """How many lines metrics.csv has: a line a step."""
    try:
        return files.metrics_log.read_bytes().count(b"\n")
    except FileNotFoundError:
        return 0


def differences(whole: RunFiles, other: RunFiles) -> list[str]:
    """In what a run differs from one that was never stopped: weights, optimizer state, log; nothing, if all is well."""
    found = []
    for name in ("last", "best"):
        paths = [getattr(files, name) for files in (whole, other)]
        if not all(path.is_file() for path in paths):
            found.append(f"{name}.ckpt is missing")
            continue
        one, two = (torch.load(path, map_location="cpu", weights_only=True) for path in paths)
        found += [
            f"{name}.ckpt: {key} differs"
            for key in ("global_step", "state_dict", "optimizer_states", "lr_schedulers")
            if not _equal(one[key], two[key])
        ]
    if _log(whole) != _log(other):
        found.append("metrics.csv differs")
    return found


def _equal(one: Any, two: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return isinstance(two, torch.Tensor) and torch.equal(one, two)
    if isinstance(one, dict):
        return isinstance(two, dict) and one.keys() == two.keys() and all(_equal(one[key], two[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return isinstance(two, type(one)) and len(one) == len(two) and all(map(_equal, one, two))
    return bool(one == two)


def _log(files: RunFiles) -> list[dict[str, str]]:
    rows = read_rows(files.metrics_log)
    return [{key: value for key, value in row.items() if key != "train/images_per_second"} for row in rows]
