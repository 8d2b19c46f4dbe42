"""Training in two stages: the configuration and the folder of the first one."""

from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

PRETRAINING = "pretraining"  # the first stage's folder within the run's own


def stage_before(cfg: DictConfig, folder: Path) -> DictConfig:
    """Returns the configuration of the first stage: the run's own with the changes that `pretrain` lists.

    Args:
        cfg: of the run.
        folder: of the run; the first stage gets a folder within it.
    """
    stage: Any = OmegaConf.to_container(cfg, resolve=True)
    changes = stage.pop("pretrain")
    name = (folder / PRETRAINING).relative_to(stage["runs"]).as_posix()
    return OmegaConf.merge(stage, changes, {"name": name})  # type: ignore[return-value]
