"""A job of several processes: each is started from the job's own config, and none outlives the job.

Lightning would start rank 1 by re-running the command line, which under Hydra's multirun runs the whole sweep again,
and would leave the variables of one job to the next. Here the program only starts the ranks and waits for them: each
gets the composed config.yaml of the run's folder, and its rank in variables of its own.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from srlab.errors import SrlabError
from srlab.training.processes import PORT, RANK, WORLD, clean_environment

RESULT = "SRLAB_RESULT"  # where rank 0 writes what it returns
GRACE = 15  # seconds in which processes may end by themselves before they are killed


def run_job(config: Path, world: int) -> dict[str, float]:
    """Trains `config` with ranks 0 to world - 1; returns what rank 0 returned, when all have ended.

    Raises SrlabError when a process failed; the others are ended first.
    """
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        port = _free_port()
        ranks = [_start(config, rank, world, port, result) for rank in range(world)]
        try:
            while any(rank.poll() is None for rank in ranks) and not _failed(ranks):
                time.sleep(0.1)
        finally:
            failed = _failed(ranks)
            _end(ranks)
        if failed:
            raise SrlabError(f"{config.parent}: process {failed[0]} of {world} failed; its own message stands above.")
        return json.loads(result.read_text())


def _start(config: Path, rank: int, world: int, port: int, result: Path) -> subprocess.Popen[bytes]:
    source = str(Path(__file__).parents[2])
    variables = {
        RANK: str(rank),
        WORLD: str(world),
        PORT: str(port),
        RESULT: str(result),
        "PYTHONPATH": os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")])),
    }
    command = [sys.executable, "-m", "srlab.training.launch", str(config)]
    return subprocess.Popen(command, env={**clean_environment(), **variables}, stdin=subprocess.DEVNULL)


def _failed(ranks: list[subprocess.Popen[bytes]]) -> list[int]:
    return [i for i, rank in enumerate(ranks) if rank.poll() not in (None, 0)]


def _end(ranks: list[subprocess.Popen[bytes]]) -> None:
    """A process may hang in a collective operation for another that has failed, hence the kill."""
    for rank in ranks:
        rank.terminate()
    for rank in ranks:
        try:
            rank.wait(GRACE)
        except subprocess.TimeoutExpired:
            rank.kill()
            rank.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _end_with(parent: int) -> None:
    """Leaves when the program that started this process is gone, however it went."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def main(config: Path) -> None:
    """One rank of a job."""
    from srlab.training.run import train_config  # noqa: PLC0415 - it imports this module to start jobs

    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    loaded = OmegaConf.load(config)
    assert isinstance(loaded, DictConfig)
    metrics = train_config(loaded)
    if os.environ[RANK] == "0":
        Path(os.environ[RESULT]).write_text(json.dumps(metrics))


if __name__ == "__main__":
    from srlab.config import reported

    with reported():
        main(Path(sys.argv[1]))
