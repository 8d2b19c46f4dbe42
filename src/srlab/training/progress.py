"""What a run shows while it trains: a progress bar, and a line at every validation."""

import math
import time
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback, RichProgressBar

from srlab.errors import SrlabError


class StepBar(RichProgressBar):
    """Lightning's bar counts epochs, "0/-2" where a run is measured in steps."""

    def _get_train_description(self, current_epoch: int) -> str:
        return "Training"


class ProgressLines(Callback):
    """A line at every validation, which a log file shows as well as a terminal. The last step always has one.

    Stops a run whose loss is no longer a number, before that state is saved.
    """

    def __init__(self, last_step: int) -> None:
        self.last_step = last_step
        self.best = -math.inf  # validation PSNR
        self.latest = math.nan
        self.seconds = 0.0  # of training, without validation and over all parts of a resumed run
        self._mark: tuple[int, float] = (0, 0.0)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._mark = (trainer.global_step, time.perf_counter())

    def on_train_batch_end(self, trainer: pl.Trainer, *args: Any) -> None:
        # Lightning validates before it stops early, but not before it stops at max_steps.
        if trainer.global_step >= self.last_step:
            trainer.should_stop = True

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        loss = float(trainer.callback_metrics.get("train/loss", 0.0))
        if not math.isfinite(loss):
            raise SrlabError(
                f"the loss is {loss} at step {trainer.global_step}: training has diverged. "
                f"Lower optimizer.learning_rate, or set trainer.gradient_clip_val."
            )
        step, then = self._mark
        passed = time.perf_counter() - then
        self.seconds += passed
        self._rate = (trainer.global_step - step) / max(1e-9, passed)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        metrics = {key: float(value) for key, value in trainer.callback_metrics.items()}
        self.latest = psnr = metrics.get("val/psnr", math.nan)
        self.best = max(self.best, psnr)
        if trainer.is_global_zero and not trainer.sanity_checking:
            rate = trainer.optimizers[0].param_groups[0]["lr"]
            print(
                f"step {trainer.global_step}/{self.last_step}  {self._rate:.1f} steps/s  learning rate {rate:.2g}  "
                f"loss {metrics.get('train/loss', math.nan):.5f}  validation {psnr:.2f} dB (best {self.best:.2f})",
                flush=True,
            )
        # Validation is not part of the rate.
        self._mark = (trainer.global_step, time.perf_counter())

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "latest": self.latest, "seconds": self.seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best = state_dict["best"]
        self.latest = state_dict.get("latest", math.nan)
        self.seconds = state_dict.get("seconds", 0.0)
