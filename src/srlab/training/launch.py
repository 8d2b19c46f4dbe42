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
from pytorch_lightning.plugins.environments import ClusterEnvironment

from srlab.errors import SrlabError

_RANK, _WORLD, _PORT, _RESULT = "SRLAB_RANK", "SRLAB_WORLD", "SRLAB_PORT", "SRLAB_RESULT"
GRACE = 15  # seconds in which processes may end by themselves before they are killed


class JobEnvironment(ClusterEnvironment):
    """One job on this machine, whose processes exist already."""

    def __init__(self, rank: int, world: int, port: int) -> None:
        super().__init__()
        self._rank, self._world, self._port = rank, world, port

    @property
    def creates_processes_externally(self) -> bool:
        return True

    @property
    def main_address(self) -> str:
        return "127.0.0.1"

    @property
    def main_port(self) -> int:
        return self._port

    @staticmethod
    def detect() -> bool:
        return False

    def world_size(self) -> int:
        return self._world

    def set_world_size(self, size: int) -> None:
        """Fixed when the processes were started."""

    def global_rank(self) -> int:
        return self._rank

    def set_global_rank(self, rank: int) -> None:
        """Fixed when the processes were started."""

    def local_rank(self) -> int:
        return self._rank

    def node_rank(self) -> int:
        return 0


def job_environment() -> JobEnvironment | None:
    """The job that this process was started for; None in the program that a person started."""
    if _RANK not in os.environ:
        return None
    return JobEnvironment(*(int(os.environ[name]) for name in (_RANK, _WORLD, _PORT)))


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
            raise SrlabError(f"process {failed[0]} of {world} failed; its own message stands above.")
        return json.loads(result.read_text())


def _start(config: Path, rank: int, world: int, port: int, result: Path) -> subprocess.Popen[bytes]:
    source = str(Path(__file__).parents[2])
    variables = {
        _RANK: str(rank),
        _WORLD: str(world),
        _PORT: str(port),
        _RESULT: str(result),
        "PYTHONPATH": os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")])),
    }
    command = [sys.executable, "-m", "srlab.training.launch", str(config)]
    return subprocess.Popen(command, env={**os.environ, **variables}, stdin=subprocess.DEVNULL)


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
    if os.environ[_RANK] == "0":
        Path(os.environ[_RESULT]).write_text(json.dumps(metrics))


if __name__ == "__main__":
    from srlab.config import reported

    with reported():
        main(Path(sys.argv[1]))
