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
import socket
import sys
import tempfile
import threading
import time
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from srlab.config import reported
from srlab.errors import SrlabError
from srlab.training.processes import PORT, RANK, WORLD, clean_environment

METHOD = "forkserver" if sys.platform == "linux" else "spawn"  # Windows cannot fork, macOS not what has been imported
PRELOADED = ["srlab.program", "srlab.training.run"]
GRACE = 15  # seconds in which processes may end by themselves before they are killed


def run_job(config: Path, world: int) -> dict[str, float]:
    """Trains `config` with ranks 0 to world - 1; returns what rank 0 returned, when all have ended.

    Raises SrlabError when a process failed; the others are ended first.
    """
    start_server()
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        port = _free_port()
        ranks: list[BaseProcess] = []
        try:
            for rank in range(world):
                ranks.append(_start(config, rank, world, port, result))
            while any(rank.exitcode is None for rank in ranks) and not _failed(ranks):
                time.sleep(0.1)
        finally:
            failed = _failed(ranks)
            _end(ranks)
        if failed:
            raise SrlabError(f"{config.parent}: process {failed[0]} of {world} failed; its own message stands above.")
        return json.loads(result.read_text())


def start_server() -> None:
    """With this srlab first in its path, wherever the program found it. Nothing is done where it runs already."""
    if METHOD != "forkserver":
        return
    from multiprocessing import forkserver  # noqa: PLC0415 - Windows has none

    multiprocessing.set_forkserver_preload(PRELOADED)
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(Path(__file__).parents[2]), before]))
    try:
        forkserver.ensure_running()
    finally:
        del os.environ["PYTHONPATH"]
        if before is not None:
            os.environ["PYTHONPATH"] = before


def _start(config: Path, rank: int, world: int, port: int, result: Path) -> BaseProcess:
    variables = {**clean_environment(), RANK: str(rank), WORLD: str(world), PORT: str(port)}
    context: Any = multiprocessing.get_context(METHOD)
    process: BaseProcess = context.Process(target=main, args=(config, variables, result))
    process.start()
    return process


def _failed(ranks: list[BaseProcess]) -> list[int]:
    return [i for i, rank in enumerate(ranks) if rank.exitcode not in (None, 0)]


def _end(ranks: list[BaseProcess]) -> None:
    """A process may hang in a collective operation for another that has failed, hence the kill."""
    for rank in ranks:
        rank.terminate()
    for rank in ranks:
        rank.join(GRACE)
        if rank.exitcode is None:
            rank.kill()
            rank.join()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _end_with_program() -> None:
    """Leaves when the program that started this process is gone, however it went."""
    program = multiprocessing.parent_process()
    assert program is not None
    program.join()
    os._exit(1)


def main(config: Path, variables: dict[str, str], result: Path) -> None:
    """One rank of a job, with `variables` for its environment. Rank 0 writes what it returns to `result`."""
    from srlab.training.run import train_config  # noqa: PLC0415 - it imports this module to start jobs

    os.environ.clear()
    os.environ.update(variables)
    threading.Thread(target=_end_with_program, daemon=True).start()
    with reported():
        loaded = OmegaConf.load(config)
        assert isinstance(loaded, DictConfig)
        metrics = train_config(loaded)
        if os.environ[RANK] == "0":
            result.write_text(json.dumps(metrics))
