"""metrics.csv always; TensorBoard or W&B beside it on request."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import Logger, TensorBoardLogger

from srlab.errors import SrlabError, nearest
from srlab.evaluation.benchmark import Row
from srlab.evaluation.panels import Panel
from srlab.schema import TrainConfig
from srlab.training.csv_log import CSVLog

NAMES = ("csv", "tensorboard", "wandb")


class RunLogger(Logger):
    """A logger of the whole run: it goes on after training, until `finish`. Steps are Lightning's, from 0."""

    @abstractmethod
    def log_panels(self, panels: Mapping[str, Panel], step: int) -> None:
        """Validation images, by the name of their chart."""

    @abstractmethod
    def log_checkpoints(self, best: Path, last: Path) -> None:
        """The files that training has left."""

    @abstractmethod
    def log_results(self, rows: Sequence[Row], picture: Path, step: int) -> None:
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


def check_logger(config: TrainConfig) -> None:
    """Raises SrlabError for an unknown logger, or one whose package is not installed."""
    name = config.logger.name
    if name not in NAMES:
        raise SrlabError(f"logger={name}: expected one of {', '.join(NAMES)}.{nearest(name, NAMES)}")
    if name != "csv" and find_spec(name) is None:
        raise SrlabError(f"logger={name}: the package is not installed. Run: pip install {name}")


def check_connection(config: TrainConfig) -> None:
    """Raises SrlabError where the logger needs a server that cannot be reached, or that knows nobody here."""
    if config.logger.name == "wandb":
        from srlab.training.wandb_log import check_login  # noqa: PLC0415 - wandb is slow to import, and optional

        check_login(config.logger)


def build_loggers(
    config: TrainConfig, folder: Path, first_step: int, facts: Callable[[], dict[str, Any]]
) -> list[Logger]:
    """metrics.csv and, where asked for, another.

    first_step: where the run resumes, or 0. facts: what belongs beside the configuration, such as the number of
    parameters.
    """
    loggers: list[Logger] = [CSVLog(folder / "metrics.csv", first_step)]
    if config.logger.name == "tensorboard":
        loggers.append(TensorBoardLogger(folder, name="", version="tensorboard"))
    if config.logger.name == "wandb":
        from srlab.training.wandb_log import WandbLog  # noqa: PLC0415

        loggers.append(WandbLog(config, folder, facts))
    return loggers
