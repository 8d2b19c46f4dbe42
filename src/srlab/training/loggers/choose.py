"""Which loggers a run has: metrics.csv always, TensorBoard or W&B beside it on request."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import Logger, TensorBoardLogger

from srlab.config.schema import TrainConfig
from srlab.errors import SrlabError, nearest
from srlab.extras import require_extra
from srlab.run_files import METRICS_LOG
from srlab.training.loggers.csv_log import CSVLog

NAMES = ("csv", "tensorboard", "wandb")


def check_logger(config: TrainConfig) -> None:
    """Raises SrlabError for an unknown logger, or one whose package is not installed."""
    name = config.logger.name
    if name not in NAMES:
        raise SrlabError(f"logger={name}: expected one of {', '.join(NAMES)}.{nearest(name, NAMES)}")
    if name != "csv":
        require_extra(name, f"logger={name}")


def check_connection(config: TrainConfig) -> None:
    """Raises SrlabError where the logger needs a server that cannot be reached, or that knows nobody here."""
    if config.logger.name == "wandb":
        from srlab.training.loggers.wandb_log import check_login  # noqa: PLC0415 - wandb is slow to import, and optional

        check_login(config.logger)


def build_loggers(
    config: TrainConfig, folder: Path, first_step: int, facts: Callable[[], dict[str, Any]]
) -> list[Logger]:
    """metrics.csv and, where asked for, another.

    first_step: where the run resumes, or 0. facts: what belongs beside the configuration, such as the number of
    parameters.
    """
    loggers: list[Logger] = [CSVLog(folder / METRICS_LOG, first_step)]
    if config.logger.name == "tensorboard":
        loggers.append(TensorBoardLogger(folder, name="", version="tensorboard"))
    if config.logger.name == "wandb":
        from srlab.training.loggers.wandb_log import WandbLog  # noqa: PLC0415

        loggers.append(WandbLog(config, folder, facts))
    return loggers
