"""Which loggers a run has: metrics.csv always; TensorBoard, W&B, or both beside it on request."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import Logger, TensorBoardLogger

from srlab.config.schema import TrainConfig
from srlab.extras import require_extra
from srlab.run_files import METRICS_LOG
from srlab.training.loggers.csv_log import CSVLog

OPTIONAL_LOGGERS = ("tensorboard", "wandb")  # extras of the package


def check_logger(config: TrainConfig) -> None:
    """Raises SrlabError for a logger whose package is not installed."""
    for name in OPTIONAL_LOGGERS:
        if getattr(config.logger, name):
            require_extra(name, f"logger={name}")


def check_connection(config: TrainConfig) -> None:
    """Raises SrlabError where a logger needs a server that cannot be reached, or where nobody is logged in."""
    if config.logger.wandb:
        from srlab.training.loggers.wandb_log import check_login  # noqa: PLC0415 - wandb is slow to import, and optional

        check_login(config.logger)


def build_loggers(
    config: TrainConfig, folder: Path, first_step: int, facts: Callable[[], dict[str, Any]]
) -> list[Logger]:
    """Returns the loggers of a run: metrics.csv and, where asked for, TensorBoard and W&B.

    Args:
        config: of the run.
        folder: of the run.
        first_step: where the run resumes, or 0.
        facts: returns what W&B shows beside the configuration, such as the number of parameters.
    """
    loggers: list[Logger] = [CSVLog(folder / METRICS_LOG, first_step)]
    if config.logger.tensorboard:
        loggers.append(TensorBoardLogger(folder, name="", version="tensorboard"))
    if config.logger.wandb:
        from srlab.training.loggers.wandb_log import WandbLog  # noqa: PLC0415

        loggers.append(WandbLog(config, folder, facts))
    return loggers
