"""Loggers that follow a run beyond training, until its evaluation is in."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from pytorch_lightning.loggers import Logger

from srlab.evaluation.measure import ResultRow
from srlab.evaluation.validation_panel import ValidationPanel


class RunLogger(Logger):
    """A logger of the whole run: it goes on after training, until `finish`. Steps are Lightning's, from 0."""

    @abstractmethod
    def log_panels(self, panels: Mapping[str, ValidationPanel], step: int) -> None:
        """Validation images, by the name of their chart."""

    @abstractmethod
    def log_checkpoints(self, best: Path, last: Path) -> None:
        """The files that training has left."""

    @abstractmethod
    def log_results(self, rows: Sequence[ResultRow], picture: Path, step: int) -> None:
        """The final evaluation, and the picture of it; step: of the checkpoint that was evaluated."""

    @abstractmethod
    def finish(self, failed: bool) -> None:
        """Nothing of the run may be left to the next one in this process."""


def run_loggers(loggers: Iterable[Logger]) -> list[RunLogger]:
    return [logger for logger in loggers if isinstance(logger, RunLogger)]


@contextmanager
def ended(loggers: Iterable[Logger]) -> Iterator[None]:
    """Finishes the logs of the whole run, as failed where an exception passes."""
    failed = True
    try:
        yield
        failed = False
    finally:
        for log in run_loggers(loggers):
            log.finish(failed)
