"""metrics.csv always; TensorBoard or W&B beside it on request."""

from pathlib import Path

from pytorch_lightning.loggers import Logger, TensorBoardLogger, WandbLogger

from srlab.config import TrainConfig
from srlab.errors import SrlabError, nearest
from srlab.training.csv_log import CSVLog

NAMES = ("csv", "tensorboard", "wandb")


def build_loggers(config: TrainConfig, folder: Path, first_step: int) -> list[Logger]:
    """first_step: where the run resumes, or 0. Raises SrlabError for an unknown logger."""
    options = config.logger
    if options.name not in NAMES:
        raise SrlabError(f"logger={options.name}: expected one of {', '.join(NAMES)}.{nearest(options.name, NAMES)}")
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
