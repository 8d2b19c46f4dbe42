"""Learning rate, gradient norm and images a second of training steps, for the logs."""

import time
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback
from torch.optim import Optimizer

from srlab.methods.optimizers import gradient_norm


class StepMetrics(Callback):
    """Logs three numbers of the steps that Lightning logs.

    train/learning_rate: of the first parameter group; the others are train/learning_rate_2 and so on.
    train/gradient_norm: of the whole gradient of the step, averaged over ranks, unscaled (fp16), before clipping.
    train/images_per_second: since the step that was logged before, without the time of validations.

    Args:
        images_per_step: of all ranks and accumulated batches together.
        every: the trainer's log_every_n_steps.
    """

    def __init__(self, images_per_step: int, every: int) -> None:
        self.images_per_step, self.every = images_per_step, every
        self._mark: tuple[int, float] = (0, 0.0)  # the step that was logged last, and when
        self._paused: float | None = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._mark, self._paused = (trainer.global_step, time.perf_counter()), None

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._paused = time.perf_counter()

    def on_train_batch_start(self, *args: Any) -> None:
        # Here and not at the end of validation, since checkpoints are written after that.
        if self._paused is not None:
            step, then = self._mark
            self._mark, self._paused = (step, then + time.perf_counter() - self._paused), None

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: Optimizer
    ) -> None:
        # Lightning calls this once a step, when the gradient is accumulated, reduced and unscaled, but not clipped.
        if self._logs(trainer.global_step + 1, trainer):
            for i, group in enumerate(optimizer.param_groups, 1):
                pl_module.log("train/learning_rate" if i == 1 else f"train/learning_rate_{i}", group["lr"])
            pl_module.log("train/gradient_norm", gradient_norm(optimizer))

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *args: Any) -> None:
        (step, then), now = self._mark, time.perf_counter()
        if trainer.global_step > step and self._logs(trainer.global_step, trainer):
            rate = (trainer.global_step - step) * self.images_per_step / max(1e-9, now - then)
            pl_module.log("train/images_per_second", rate)
            self._mark = (trainer.global_step, now)

    def _logs(self, step: int, trainer: pl.Trainer) -> bool:
        """Tells whether Lightning logs this step. TrainingProgress stops it after the last one, which it then logs."""
        return step % self.every == 0 or step >= trainer.max_steps
