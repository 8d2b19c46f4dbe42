"""What a run prints while it trains: a progress bar on a terminal, and lines that fit a log file too."""

import math
import time
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback, RichProgressBar

from srlab import finite
from srlab.methods.validation import BestValidation
from srlab.training.checkpoints import validated

PSNR = "val/psnr"
FIRST_LINE = 10.0  # seconds after which the first line says how long the whole will take
GROWTH, LONGEST = 4.0, 600.0  # each further wait between validations is so many times as long, up to 10 minutes


class StepBar(RichProgressBar):
    """Lightning's progress bar, which would count epochs ("Epoch 0/-2"), where a run is measured in steps.

    Lightning has no public way to change that text; tests/training/test_progress.py watches that this one works.
    """

    def _get_train_description(self, current_epoch: int) -> str:
        return "Training"


class TrainingProgress(Callback):
    """Prints a line soon after the start, now and then between validations, and at every validation.

    The last step always has a validation.

    Args:
        last_step: the step at which training ends.
        monitor: what the best checkpoint is best by: val/NAME, or step.
        lower: whether lower values of it are better.
        between: whether to print between validations; False where a progress bar does it.
    """

    def __init__(self, last_step: int, monitor: str = PSNR, lower: bool = False, between: bool = True) -> None:
        self.last_step, self.monitor, self.between = last_step, monitor, between
        self.best = BestValidation()  # by PSNR
        self.chosen = BestValidation(lower)  # by the monitored metric, as for best.ckpt
        self.psnr_of_best = math.nan  # validation PSNR of the best checkpoint
        self.latest = math.nan
        self.seconds = 0.0  # of training, without validation and over all parts of a resumed run
        self._mark: tuple[int, float] = (0, 0.0)  # the step and the time that the rate counts from
        self._warm = False  # whether a step was made since the mark; the first one takes longer
        self._wait, self._next = FIRST_LINE, math.inf

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._mark = (trainer.global_step, time.perf_counter())
        self._next = self._mark[1] + self._wait

    def on_train_batch_end(self, trainer: pl.Trainer, *args: Any) -> None:
        now = time.perf_counter()
        if not self._warm:
            self.seconds += now - self._mark[1]
            self._mark, self._warm = (trainer.global_step, now), True
        elif self.between and trainer.is_global_zero and now >= self._next and trainer.global_step > self._mark[0]:
            loss = trainer.callback_metrics.get("train/loss")
            shown = "" if loss is None else f"  loss {float(loss):.5f}"
            print(f"{self._counted(trainer.global_step, self._rate(trainer.global_step))}{shown}", flush=True)
            self._wait = min(LONGEST, GROWTH * self._wait)
            self._next = now + self._wait
        # Lightning validates before it stops early, but not before it stops at max_steps.
        if trainer.global_step >= self.last_step:
            trainer.should_stop = True

    def count_seconds(self, step: int) -> None:
        """Adds the seconds since the last validation, before a checkpoint between validations is written at `step`."""
        now = time.perf_counter()
        self.seconds += now - self._mark[1]
        self._mark = (step, now)

    def _rate(self, step: int) -> float:
        """Steps a second since the mark."""
        first, then = self._mark
        return (step - first) / max(1e-9, time.perf_counter() - then)

    def _counted(self, step: int, rate: float) -> str:
        left = self.last_step - step
        remaining = f"  about {duration(left / rate)} to go" if left > 0 and rate > 0 else ""
        return f"step {step}/{self.last_step}  {rate:.1f} steps/s{remaining}"

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.seconds += time.perf_counter() - self._mark[1]
        self._line = self._counted(trainer.global_step, self._rate(trainer.global_step))

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        metrics = {key: float(value) for key, value in trainer.callback_metrics.items()}
        self.latest = psnr = metrics.get(PSNR, math.nan)
        self.best.takes(psnr, validated(pl_module, PSNR))
        score = metrics.get(self.monitor, float(trainer.global_step))  # else it is the step
        if self.chosen.takes(score, validated(pl_module, self.monitor)):
            self.psnr_of_best = psnr
        if trainer.is_global_zero and not trainer.sanity_checking:
            rate = trainer.optimizers[0].param_groups[0]["lr"]
            print(
                f"{self._line}  learning rate {rate:.2g}  loss {metrics.get('train/loss', math.nan):.5f}  "
                f"validation {psnr:.2f} dB (best {self.best.score:.2f}){self._monitored(metrics)}"
                f"{remark_of(pl_module)}",
                flush=True,
            )
        # Validation is not part of the rate.
        self._mark = (trainer.global_step, time.perf_counter())
        self._next = self._mark[1] + self._wait

    def _monitored(self, metrics: dict[str, float]) -> str:
        """The metric that chooses the best checkpoint, where it is another than PSNR."""
        if self.monitor == PSNR or self.monitor not in metrics:
            return ""
        return f", {self.monitor} {metrics[self.monitor]:.4f} (best {self.chosen.score:.4f})"

    @property
    def state_key(self) -> str:
        return "Report"  # the name of this class when the first checkpoints were written, which must still resume

    def state_dict(self) -> dict[str, Any]:
        return {
            "best": self.best.score,  # as earlier versions read it
            "best_by_psnr": self.best.state(),
            "chosen": self.chosen.state(),
            "psnr_of_best": self.psnr_of_best,
            "latest": self.latest,
            "seconds": self.seconds,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes the state of a resumed run, also of an earlier version, which kept means alone."""
        best = state_dict["best"]
        self.best.load(state_dict.get("best_by_psnr", {"score": best}))
        sign = -1.0 if self.chosen.lower else 1.0
        score = sign * state_dict.get("best_score", best if self.monitor == PSNR else -math.inf)
        self.chosen.load(state_dict.get("chosen", {"score": score}))
        self.psnr_of_best = state_dict.get("psnr_of_best", best)
        self.latest = state_dict.get("latest", math.nan)
        self.seconds = state_dict.get("seconds", 0.0)


def remark_of(module: pl.LightningModule) -> str:
    """Returns what stands beside the last validation's PSNR where some of it is not finite; else ''."""
    note = finite.note("PSNR", list(validated(module, PSNR).values()))
    return f"; {note}" if note else ""


def duration(seconds: float) -> str:
    """Returns a time in the unit that a person would choose: 40 s, 12 min, 25 h, 9 days."""
    for limit, length, unit in ((90, 1, "s"), (5400, 60, "min"), (172800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds / 86400:.0f} days"
