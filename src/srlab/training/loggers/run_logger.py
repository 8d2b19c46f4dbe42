"""Base class of loggers that also log what comes after training: checkpoints and the final evaluation."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from pytorch_lightning.loggers import Logger

from srlab.evaluation.measure import ResultRow
from srlab.evaluation.validation_panel import ValidationPanel


class RunLogger(Logger):
    """A logger that stays open after training, until `finish`. Steps are Lightning's, which count from 0."""

    @abstractmethod
    def log_panels(self, panels: Mapping[str, ValidationPanel], step: int) -> None:
        """Logs validation images, by the names of their charts."""

    @abstractmethod
    def log_checkpoints(self, best: Path, last: Path) -> None:
        """Logs the two checkpoints of the run, after training."""

    @abstractmethod
    def log_results(self, rows: Sequence[ResultRow], picture: Path, step: int) -> None:
        """Logs the final evaluation.

        Args:
            rows: its table.
            picture: the file of its comparison.
            step: of the checkpoint that was evaluated.
        """

    @abstractmethod
    def finish(self, failed: bool) -> None:
        """Closes the log, so that the next run in this process starts anew. failed: whether the run has failed."""


def run_loggers(loggers: Iterable[Logger]) -> list[RunLogger]:
    """Returns those that are RunLoggers."""
    return [logger for logger in loggers if isinstance(logger, RunLogger)]


@contextmanager
def ended(loggers: Iterable[Logger]) -> Iterator[None]:
    """Finishes the run loggers at the end of the block, as failed where it raises an exception."""
    failed = True
    try:
        yield
        failed = False
    finally:
        for log in run_loggers(loggers):
            log.finish(failed)
