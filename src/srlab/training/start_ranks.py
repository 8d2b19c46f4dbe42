"""A job of several processes: each is started from the job's own config, and none outlives the job.

Lightning would start rank 1 by re-running the command line, which under Hydra's multirun runs the whole sweep again,
and would leave the variables of one job to the next. Here the program only starts the ranks and waits for them: each
gets the composed config.yaml of the run's folder, and its rank in variables of its own.

Ranks are forked from multiprocessing's fork server, a process that has imported what they need and computed nothing,
least of all on a GPU. Importing takes seconds, which a program so spends once and not for each rank of each job.
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

METHOD = "forkserver" if sys.platform == "linux" else "spawn"  # Windows cannot fork, macOS not what has been imported
RankFunction = Callable[[DictConfig], dict[str, float]]
GRACE = 15  # seconds in which processes may end by themselves before they are killed


def run_job(function: RankFunction, config: Path, world: int) -> dict[str, float]:
    """Runs a job as ranks 0 to world - 1, each a process, and waits until all have ended.

    Args:
        function: what a rank does with the job's config; of a module, so that a process can import it.
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
    """Starts the process that ranks are forked from, unless it runs; it imports `modules` and computes nothing."""
    if METHOD != "forkserver":
        return
    from multiprocessing import forkserver  # noqa: PLC0415 - Windows has none

    multiprocessing.set_forkserver_preload(modules)
    with _surroundings(), _deaf():
        forkserver.ensure_running()


@contextmanager
def _surroundings() -> Iterator[None]:
    """What multiprocessing starts meanwhile finds this srlab first, no process group, and no script to run again.

    Lightning takes its rank from the variables of a group when it is imported; a rank has its own only later.
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
def _deaf() -> Iterator[None]:
    """What is started meanwhile ignores Ctrl-C, which would interrupt its imports; the program ends it."""
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
    with _surroundings():
        process.start()
    return process


def _failed(ranks: list[BaseProcess]) -> list[int]:
    return [i for i, rank in enumerate(ranks) if rank.exitcode not in (None, 0)]


def _end(ranks: list[BaseProcess]) -> None:
    """A process may hang in a collective operation for another that has failed, hence the kill.

    It comes after a second Ctrl-C too: multiprocessing would wait for the process for ever when the program ends.
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


def _end_with(starter: int) -> None:
    """Leaves when the program is gone, however it went, or the process that this one was forked from."""
    program = multiprocessing.parent_process()
    assert program is not None
    while program.is_alive() and os.getppid() == starter:
        program.join(1)
    os._exit(1)


def _rank(function: RankFunction, config: Path, variables: dict[str, str], result: Path) -> None:
    """One rank of a job, with `variables` for its environment. Rank 0 writes what it returns to `result`."""
    _replace_environment(variables)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    with reported():
        loaded = OmegaConf.load(config)
        assert isinstance(loaded, DictConfig)
        metrics = function(loaded)
        if os.environ[RANK] == "0":
            result.write_text(json.dumps(metrics))
