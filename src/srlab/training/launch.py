"""Several processes for one job: rank 0 is the program itself, the others are started from the job's own config.

Lightning would start them by re-running the command line, which under Hydra's multirun runs the whole sweep again.
Here a worker gets the composed config.yaml of the run's folder, its rank in variables of its own, and nothing else.
"""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from omegaconf import OmegaConf
from pytorch_lightning.plugins.environments import ClusterEnvironment

_VARIABLES = ("SRLAB_RANK", "SRLAB_WORLD", "SRLAB_PORT")
GRACE = 30  # seconds that the other processes get to end by themselves


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


def worker_rank() -> int:
    """0 in the program that a person started."""
    return int(os.environ.get("SRLAB_RANK", "0"))


def worker_environment() -> JobEnvironment:
    """In a started worker, the job it belongs to."""
    return JobEnvironment(*(int(os.environ[name]) for name in _VARIABLES))


@contextmanager
def job(config: Path, world: int) -> Iterator[JobEnvironment | None]:
    """Ranks 1 to world - 1 run `config` while the body runs as rank 0; all have ended when it is left.

    Yields None for a single process. When a worker fails, the others are ended, and so is the body, by
    KeyboardInterrupt if its collective operation does not notice; then RuntimeError is raised.
    """
    if world == 1:
        yield None
        return
    port = _free_port()
    workers = [_start(config, rank, world, port) for rank in range(1, world)]
    leaving = threading.Event()
    watcher = threading.Thread(target=_watch, args=(workers, leaving), daemon=True)
    watcher.start()
    try:
        yield JobEnvironment(0, world, port)
        for worker in workers:
            worker.wait(GRACE)
    except BaseException as error:
        failed = _failed(workers)
        if failed:
            raise RuntimeError(f"process {failed[0] + 1} of {world} failed; its own message stands above.") from error
        raise
    finally:
        leaving.set()
        _end(workers)


def _start(config: Path, rank: int, world: int, port: int) -> subprocess.Popen[bytes]:
    variables = dict(zip(_VARIABLES, (str(rank), str(world), str(port)), strict=True))
    source = str(Path(__file__).parents[2])
    path = os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        [sys.executable, "-m", "srlab.training.launch", str(config)],
        env={**os.environ, **variables, "PYTHONPATH": path},
        stdin=subprocess.DEVNULL,
    )


def _watch(workers: list[subprocess.Popen[bytes]], leaving: threading.Event) -> None:
    """Ends everything once a worker has failed: without it, the others would wait for it in a collective forever."""
    while not leaving.wait(0.5):
        if _failed(workers):
            for worker in workers:
                worker.terminate()
            if not leaving.wait(GRACE):
                import _thread  # noqa: PLC0415

                _thread.interrupt_main()
            return


def _failed(workers: list[subprocess.Popen[bytes]]) -> list[int]:
    return [i for i, worker in enumerate(workers) if worker.poll() not in (None, 0)]


def _end(workers: list[subprocess.Popen[bytes]]) -> None:
    for worker in workers:
        worker.terminate()
    for worker in workers:
        try:
            worker.wait(GRACE)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    from srlab.config import reported
    from srlab.training.run import train_config

    with reported():
        train_config(OmegaConf.load(sys.argv[1]))  # type: ignore[arg-type]
