"""metrics.csv always; TensorBoard or W&B beside it on request."""

from importlib.util import find_spec
from pathlib import Path

from pytorch_lightning.loggers import Logger, TensorBoardLogger, WandbLogger

from srlab.errors import SrlabError, nearest
from srlab.schema import TrainConfig
from srlab.training.csv_log import CSVLog

NAMES = ("csv", "tensorboard", "wandb")


def check_logger(config: TrainConfig) -> None:
    """Raises SrlabError for an unknown logger, or one whose package is not installed."""
    name = config.logger.name
    if name not in NAMES:
        raise SrlabError(f"logger={name}: expected one of {', '.join(NAMES)}.{nearest(name, NAMES)}")
    if name != "csv" and find_spec(name) is None:
        raise SrlabError(f"logger={name}: the package is not installed. Run: pip install {name}")


def build_loggers(config: TrainConfig, folder: Path, first_step: int) -> list[Logger]:
    """metrics.csv and, where asked for, another. first_step: where the run resumes, or 0."""
    options = config.logger
    loggers: list[Logger] = [CSVLog(folder / "metrics.csv", first_step)]
    if options.name == "tensorboard":
        loggers.append(TensorBoardLogger(folder, name="", version="tensorboard"))
    if options.name == "wandb":
        loggers.append(
            WandbLogger(
                name=folder.name,
                save_dir=folder,
                project=options.project,
                entity=options.entity,
                offline=options.offline,
            )
        )
    return loggers
