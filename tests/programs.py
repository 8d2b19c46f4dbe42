"""Programs as a user starts them, each in a process of its own, without the seconds that importing PyTorch takes.

`call` and `script` fork from a process that has imported srlab and done nothing else: what they start has the folder,
the arguments, the variables and the output that `python PROGRAM WORDS` would have. test_readme.py starts programs from
nothing, and so do the tests that kill or interrupt them.
"""

import json
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from helpers import ROOT

from srlab.training.start_ranks import METHOD, start_server

TINY = ["model=edsr_baseline", "data=sample", "model.network.features=4", "model.network.blocks=1", "sets=[sample]",
        "data.sample_images=4", "data.sample_size=64", "data.patch_size=8", "data.batch_size=4",
        "trainer.max_steps=4", "trainer.val_check_interval=2", "trainer.accelerator=cpu"]  # fmt: skip


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1", **more}


def call(folder: Path, program: str, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """`python PROGRAM WORDS` in a folder, with more variables. program: train.py, evaluate.py or a module's name."""
    with tempfile.TemporaryDirectory() as output:
        files = [Path(output) / name for name in ("stdout", "stderr")]
        process = _forked(program, words, environment(**more), folder, files)
        code = finished([process])[0]
        return subprocess.CompletedProcess([program, *words], code, *(file.read_text() for file in files))


def train(folder: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    return call(folder, "train.py", *words, **more)


def script(path: Path, *words: str, **more: str) -> BaseProcess:
    """`python PATH WORDS`, in this folder and with this process's output."""
    return _forked(str(path), words, environment(**more), Path.cwd(), [])


def finished(processes: list[BaseProcess]) -> list[int | None]:
    """Their exit codes, when all have ended."""
    for process in processes:
        process.join(300)
        process.kill()
        process.join()
    return [process.exitcode for process in processes]


def _forked(
    program: str, words: tuple[str, ...], variables: dict[str, str], folder: Path, files: list[Path]
) -> BaseProcess:
    start_server(["srlab.training.run"])
    arguments = (program, words, variables, folder, files)
    process: BaseProcess = multiprocessing.get_context(METHOD).Process(target=_become, args=arguments)
    process.start()
    return process


def _become(program: str, words: tuple[str, ...], variables: dict[str, str], folder: Path, files: list[Path]) -> None:
    """In the new process. files: for its output and its errors."""
    os.environ.clear()
    os.environ.update(variables)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(folder)
    for number, file in enumerate(files, 1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), number)
    sys.argv = [program, *words]
    sys.path[:0] = variables["PYTHONPATH"].split(os.pathsep)
    if program.endswith(".py"):
        path = ROOT / program
        sys.path.insert(0, str(path.parent))
        runpy.run_path(str(path), run_name="__main__")
    else:
        runpy.run_module(program, run_name="__main__", alter_sys=True)


def alive(folder: Path) -> list[str]:
    """Processes that work in a folder, whoever started them, after the seconds that they may take to end."""
    deadline = time.monotonic() + 30
    while (found := working_in(folder)) and time.monotonic() < deadline:
        time.sleep(0.2)
    return found


def working_in(folder: Path) -> list[str]:
    if not Path("/proc/self/cwd").exists():
        pytest.skip("finds processes in Linux's /proc")
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() == folder.resolve():
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:  # it has ended, or is another user's
            continue
    return found


def jobs_in(sweep: Path) -> list[str]:
    return sorted(path.parent.name for path in sweep.glob("*/config.yaml"))


def psnr(run: Path) -> float:
    rows = json.loads((run / "results.json").read_text())["rows"]
    return next(row["psnr"] for row in rows if row["method"] == "edsr_baseline")
