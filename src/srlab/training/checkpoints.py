"""When a run writes its checkpoints at validations: best.ckpt and last.ckpt. StepBoundary writes those in between."""

import os
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import ModelCheckpoint
from torch import Tensor

from srlab.errors import SrlabError, nearest
from srlab.methods.super_resolver import SuperResolver
from srlab.methods.validation import BestValidation, Where, values_of
from srlab.metrics.metric import Metric
from srlab.run_files import BEST, LAST, damage

STEP = "step"  # trainer.monitor: the latest checkpoint is the best one


def lower_is_better(monitor: str, metrics: list[Metric]) -> bool:
    """Tells in which direction `monitor` improves.

    Args:
        monitor: STEP, or val/NAME of one of the metrics.
        metrics: what validation measures.

    Raises:
        SrlabError: validation does not measure it.
    """
    directions = {f"val/{metric.name}": metric.better == "lower" for metric in metrics}
    if monitor == STEP:
        return False
    if monitor not in directions:
        known = ["auto", *directions, STEP]
        raise SrlabError(
            f"trainer.monitor={monitor}: expected one of {', '.join(known)}; metrics=[...] says what validation "
            f"measures.{nearest(monitor, known)}"
        )
    return directions[monitor]


def validated(module: pl.LightningModule, monitor: str) -> dict[Where, float]:
    """Returns the values by image and scale that the last validation's `monitor` is the mean of; none for STEP."""
    qualities = module.validated if isinstance(module, SuperResolver) else {}
    return values_of(qualities, monitor.removeprefix("val/"))


class BestCheckpoint(ModelCheckpoint):
    """Writes best.ckpt at a validation that is the best so far, as `BestValidation` compares them.

    A resumed run finds its earlier best.ckpt in its own folder, which may have been moved or renamed since.

    Args:
        folder: of the run's checkpoints.
        monitor: what the best checkpoint is best by, as for `lower_is_better`.
        lower: whether lower values are better.
    """

    def __init__(self, folder: Path, monitor: str, lower: bool) -> None:
        super().__init__(
            folder,
            Path(BEST).stem,
            monitor=monitor,
            mode="min" if lower else "max",
            enable_version_counter=False,
            save_on_train_epoch_end=False,
        )
        self.path = folder / BEST
        self.best = BestValidation(lower)

    def check_monitor_top_k(self, trainer: pl.Trainer, current: Tensor | None = None) -> bool:
        """Tells whether to write. Lightning's own compares means alone, and would take NaN for the first checkpoint."""
        if current is None:
            return False
        assert self.monitor is not None
        better = self.best.takes(float(current), validated(trainer.lightning_module, self.monitor))
        return trainer.strategy.reduce_boolean_decision(better)

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "best_validation": self.best.state()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        # Else the run goes on in a new folder, or the file is damaged, and the next checkpoint is the best one there.
        if self.path.is_file() and damage(self.path) is None:
            path = os.path.realpath(self.path)
            own = {"dirpath": self.dirpath, "best_model_path": path, "kth_best_model_path": path}
            best = {path: state_dict["best_model_score"]}
            super().load_state_dict({**state_dict, **own, "best_k_models": best, "last_model_path": ""})
            score = state_dict["best_model_score"]
            if score is not None:
                self.best.load(state_dict.get("best_validation", {"score": score}))


class LastCheckpoint(ModelCheckpoint):
    """Writes last.ckpt at every validation; ModelCheckpoint's save_last would do so at the best ones only."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            folder, Path(LAST).stem, save_top_k=1, enable_version_counter=False, save_on_train_epoch_end=False
        )

    @property
    def saved_step(self) -> int:
        """The step of the last checkpoint that this callback has written; 0 for none."""
        return int(self._last_global_step_saved)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Ignores the state: the path of the earlier file, which may be another run's and must not be removed."""
