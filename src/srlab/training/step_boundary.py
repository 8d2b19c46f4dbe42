"""Between two steps of a training: checkpoints apart from validation, and the end that a signal asks for."""

import time
from collections.abc import Sequence
from typing import Any

import pytorch_lightning as pl
import torch
import torch.distributed as dist
from pytorch_lightning.callbacks import Callback

from srlab.run_files import RunFiles
from srlab.training.checkpoints import LastCheckpoint
from srlab.training.ending import Ended, Ending, reason, say, steps_or_seconds
from srlab.training.progress import TrainingProgress
from srlab.training.skipped_steps import SkippedSteps


class StepBoundary(Callback):
    """Writes last.ckpt every so many steps or minutes, and ends the run where that is asked for.

    All ranks agree after every step, so they save and end at the same one. A validation that has begun is finished.

    Args:
        files: of the run.
        ending: of this process.
        save_every: trainer.save_every.
        progress: counts the seconds of training.
        last: writes last.ckpt at validations.
        skipped: knows whether training may be diverging.
    """

    def __init__(
        self,
        files: RunFiles,
        ending: Ending,
        save_every: str | None,
        progress: TrainingProgress,
        last: LastCheckpoint,
        skipped: SkippedSteps,
    ) -> None:
        self.files, self.ending, self.progress, self.last, self.skipped = files, ending, progress, last, skipped
        self.steps, self.seconds = steps_or_seconds(save_every)
        self._group: Any = None
        self._start, self._seen = 0, -1  # the step at which training begins, and the one that was looked at last
        self._saved, self._saved_at = 0, 0.0  # the step of the last checkpoint, and when it was written
        self._between = False  # whether a checkpoint is being written here

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.world_size > 1:
            # On the CPU also for GPUs, where reading a flag would wait until the step has been computed.
            self._group = dist.new_group(backend="gloo")
        self._start = self._saved = trainer.global_step
        self._saved_at = time.monotonic()
        self.ending.waiting = True
        self.ending.listen()

    def on_train_batch_start(self, trainer: pl.Trainer, *args: Any) -> None:
        # Here the step before is complete in every part: optimizer, schedule, averages, logs and Lightning's counters.
        step = trainer.global_step
        if step == self._seen:  # gradients are being accumulated
            return
        self._seen = step
        if trainer.is_global_zero and step > self._start:  # what an earlier part has left tells of another state
            self.files.results.unlink(missing_ok=True)
        if self.last.saved_step > self._saved:
            self._saved, self._saved_at = self.last.saved_step, time.monotonic()
        code, due = self._agreed([self.ending.code, int(self._is_due(step))])
        if (code or due) and step > self._saved:
            self._save(trainer)
        if code:
            self._end(trainer, code)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        (code,) = self._agreed([self.ending.code])
        if code:  # the last step and its validation have been saved
            self._end(trainer, code)
        self.ending.waiting = False

    def _is_due(self, step: int) -> bool:
        if self.skipped.is_in_doubt:  # nothing has measured these weights, and they would replace the last good ones
            return False
        if self.seconds is not None:
            return time.monotonic() - self._saved_at >= self.seconds
        return self.steps is not None and step % self.steps == 0

    def _agreed(self, values: Sequence[int]) -> list[int]:
        """Returns the largest of all ranks' values."""
        if self._group is None:
            return [*values]
        together = torch.tensor(values)
        dist.all_reduce(together, dist.ReduceOp.MAX, self._group)
        return [int(value) for value in together]

    def _save(self, trainer: pl.Trainer) -> None:
        self.progress.count_seconds(trainer.global_step)
        self._between = True
        trainer.save_checkpoint(self.files.last)
        self._between = False
        self._saved, self._saved_at = trainer.global_step, time.monotonic()

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Takes the batch that was fetched and not used out of Lightning's count: a resumed run fetches it again."""
        if self._between:
            counts = checkpoint["loops"]["fit_loop"]["epoch_loop.batch_progress"]
            for part in ("total", "current"):
                counts[part]["ready"] = counts[part]["completed"]

    def _end(self, trainer: pl.Trainer, code: int) -> None:
        self.ending.waiting = False
        if trainer.is_global_zero:
            step, folder = trainer.global_step, self.files.folder
            saved = f"saved in {self.files.last}; go on with resume={folder}" if step else "nothing to save yet"
            say(f"{folder}: ended by {reason(code)} after step {step}/{self.progress.last_step}: {saved}")
        raise Ended(code, shown=True, saved=True)
