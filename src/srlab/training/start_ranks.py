"""Starts the ranks of a job as processes, waits for them, and ends them all.

Lightning would start rank 1 by running the command line again, which under Hydra's multirun runs the whole sweep again,
and its environment variables would stay for the next job. Here the program only starts the ranks and waits: each rank
reads the composed config.yaml in the run's folder, and its rank from environment variables that only it has.

Ranks are forked from multiprocessing's fork server: a process that has imported what they need and has computed nothing
yet, neither on the CPU nor on a GPU. So a program spends the seconds of importing once, not for each rank of each job.
"""

import json
import multiprocessing
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType
from typing import Any

from omegaconf import DictConfig, OmegaConf

from srlab.console import reported
from srlab.errors import SrlabError
from srlab.training.process_group import PORT, RANK, WORLD, clean_environment

METHOD = "forkserver" if sys.platform == "linux" else "spawn"  # forking fails on Windows, and after imports on macOS
RankFunction = Callable[[DictConfig], dict[str, float]]
GRACE = 15  # seconds in which processes may end by themselves before they are killed


def run_job(function: RankFunction, config: Path, world: int) -> dict[str, float]:
    """Runs a job as ranks 0 to world - 1, each a process, and waits until all have ended.

    Args:
        function: what a rank does with the job's config; defined at the top of a module, so that ranks can import it.
        config: the config.yaml of the run's folder.
        world: the number of ranks.

    Returns:
        What the function returned on rank 0.

    Raises:
        SrlabError: a process failed; the others are ended first.
    """
    start_server([function.__module__])
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        port = _free_port()
        ranks: list[BaseProcess] = []
        try:
            for rank in range(world):
                ranks.append(_start(function, config, rank, world, port, result))
            while any(rank.exitcode is None for rank in ranks) and not _failed(ranks):
                time.sleep(0.1)
        finally:
            failed = _failed(ranks)
            _end(ranks)
        if failed:
            raise SrlabError(f"{config.parent}: process {failed[0]} of {world} failed; its own message stands above.")
        return json.loads(result.read_text())


def start_server(modules: list[str]) -> None:
    """Starts the fork server, which ranks are forked from, unless it runs.

    Args:
        modules: what it imports.
    """
    if METHOD != "forkserver":
        return
    from multiprocessing import forkserver  # noqa: PLC0415 - Windows has none

    multiprocessing.set_forkserver_preload(modules)
    with _child_environment(), _ignoring_interrupts():
        forkserver.ensure_running()


@contextmanager
def _child_environment() -> Iterator[None]:
    """Environment for child processes: this copy of srlab first on the path, no process group, no __main__ to re-run.

    Variables of a process group are removed because Lightning reads its rank from them when it is imported, before a
    rank has set its own.
    """
    script, before = sys.modules["__main__"], dict(os.environ)
    path = [str(Path(__file__).parents[2]), before.get("PYTHONPATH")]
    clean = {**clean_environment(), "PYTHONPATH": os.pathsep.join(filter(None, path))}
    _replace_environment(clean)
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = script
        _replace_environment(before)


def _replace_environment(variables: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(variables)


@contextmanager
def _ignoring_interrupts() -> Iterator[None]:
    """Processes started within ignore Ctrl-C, which would interrupt their imports; the program ends them itself."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _start(function: RankFunction, config: Path, rank: int, world: int, port: int, result: Path) -> BaseProcess:
    variables = {**clean_environment(), RANK: str(rank), WORLD: str(world), PORT: str(port)}
    context: Any = multiprocessing.get_context(METHOD)
    process: BaseProcess = context.Process(target=_rank, args=(function, config, variables, result))
    with _child_environment():
        process.start()
    return process


def _failed(ranks: list[BaseProcess]) -> list[int]:
    return [i for i, rank in enumerate(ranks) if rank.exitcode not in (None, 0)]


def _end(ranks: list[BaseProcess]) -> None:
    """Ends all ranks: asks them to, waits, then kills those that are left.

    A rank may wait for ever in a collective operation for another one that has failed. After a second Ctrl-C the kill
    is needed too, since multiprocessing waits for its processes when the program ends.
    """
    try:
        for rank in ranks:
            rank.terminate()
        for rank in ranks:
            rank.join(GRACE)
    finally:
        for rank in ranks:
            rank.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _exit_with(starter: int) -> None:
    """Exits this process when the program has ended, or the fork server `starter` (a process id) that forked it."""
    program = multiprocessing.parent_process()
    assert program is not None
    while program.is_alive() and os.getppid() == starter:
        program.join(1)
    os._exit(1)


def _rank(function: RankFunction, config: Path, variables: dict[str, str], result: Path) -> None:
    """Runs one rank of a job.

    Args:
        function: what to run.
        config: the config.yaml of the run's folder.
        variables: the environment variables of this rank.
        result: the file that rank 0 writes the function's return value to, as JSON.
    """
    _replace_environment(variables)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=_exit_with, args=(os.getppid(),), daemon=True).start()
    with reported():
        loaded = OmegaConf.load(config)
        assert isinstance(loaded, DictConfig)
        metrics = function(loaded)
        if os.environ[RANK] == "0":
            result.write_text(json.dumps(metrics))
