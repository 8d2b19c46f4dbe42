"""Training in two stages: what comes first, and where its weights are."""

from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

PRETRAINING = "pretraining"  # the first stage's folder within the run's own


def stage_before(cfg: DictConfig, folder: Path) -> DictConfig:
    """The configuration of the first stage: the run's own, with what `pretrain` changes, in a folder within the run's.

    folder: of the run.
    """
    stage: Any = OmegaConf.to_container(cfg, resolve=True)
    changes = stage.pop("pretrain")
    name = (folder / PRETRAINING).relative_to(stage["runs"]).as_posix()
    return OmegaConf.merge(stage, changes, {"name": name})  # type: ignore[return-value]
