"""Counts the steps that were skipped because their loss or gradient was not finite, and stops a run that diverged."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback
from torch import Tensor

from srlab.data.crops import crops_of, described
from srlab.data.datamodule import SuperResolutionData
from srlab.errors import NotFiniteError, SrlabError
from srlab.methods.finite_steps import DISCRIMINATOR, NETWORK, FiniteSteps, Outcome
from srlab.methods.super_resolver import SuperResolver
from srlab.run_files import DIVERGED, RunFiles
from srlab.training.divergence import way_on
from srlab.weights.content_limits import all_finite

COUNTED = {NETWORK: "train/skipped_steps", DISCRIMINATOR: "train/skipped_steps_discriminator"}


class SkippedSteps(Callback):
    """Logs and prints how many steps were skipped; ends the run after too many in a row.

    Checkpoints hold the counts, so a resumed run stops at the same step. No checkpoint is written of weights that are
    not finite. All ranks find the same, see FiniteSteps.

    Args:
        files: of the run.
        most: trainer.max_nonfinite_steps.
        batches: whose gradients make one step.
        last_step: the step at which training ends.
        options: that may help against divergence, for the message.
    """

    def __init__(self, files: RunFiles, most: int, batches: int, last_step: int, options: Sequence[str]) -> None:
        self.files, self.most, self.batches, self.last_step, self.options = files, most, batches, last_step, [*options]
        self.total = dict.fromkeys(COUNTED, 0)
        self.in_a_row = dict.fromkeys(COUNTED, 0)
        self.since = dict.fromkeys(COUNTED, 0)  # the first step of those in a row
        self._trainer: pl.Trainer
        self._steps: FiniteSteps

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        assert isinstance(pl_module, SuperResolver)
        self._trainer, self._steps = trainer, pl_module.finite_steps

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *args: Any) -> None:
        self._count()
        pl_module.log_dict(self._counts())

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._count(wait=True)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._count(wait=True)

    def _count(self, wait: bool = False) -> None:
        """Takes what has become known of steps; wait: of the last one, too. Raises SrlabError at too many in a row."""
        for outcome in self._steps.outcomes(wait):
            name = outcome.network
            if not outcome.reason:
                self.in_a_row[name] = 0
                continue
            self.total[name] += 1
            self.in_a_row[name] += 1
            if self.in_a_row[name] == 1:
                self.since[name] = outcome.step
            if self.in_a_row[name] >= self.most:
                steps = "step" if self.most == 1 else f"{self.most} steps in a row"
                raise self._diverged(f"{steps} skipped, the last one {self._place(outcome)}")
            self._say(outcome)

    def _counts(self) -> dict[str, float]:
        """The metrics; none as long as no step was skipped."""
        return {COUNTED[name]: float(total) for name, total in self.total.items() if total}

    def _say(self, outcome: Outcome) -> None:
        """Prints a line about a skipped step: the first one, the second, the fourth, the eighth and so on."""
        total = self.total[outcome.network]
        if total & (total - 1) == 0 and self._trainer.is_global_zero:
            limit = f"{self.most} in a row would mean that training has diverged"
            print(f"skipped {self._place(outcome)}: {total} so far; {limit}", flush=True)

    @property
    def is_in_doubt(self) -> bool:
        """Whether the last step was skipped, as far as that is known."""
        return any(self.in_a_row.values())

    def _place(self, outcome: Outcome) -> str:
        """Names a step: its number as other lines count, the reason, and the patches of its batches."""
        data = self._trainer.datamodule  # type: ignore[attr-defined]
        assert isinstance(data, SuperResolutionData)
        dataset, first = data.dataset(range(0)), outcome.step * self.batches
        crops = [crop for i in range(first, first + self.batches) for crop in crops_of(dataset, i)]
        of = "" if outcome.network == NETWORK else f" of the {outcome.network}"
        return f"step {outcome.step + 1}/{self.last_step}{of} ({outcome.reason}; batch: {described(crops)})"

    def _diverged(self, what: str) -> SrlabError:
        """Marks the run in its logs, and returns the error that ends it."""
        step = self._trainer.global_step
        for logger in self._trainer.loggers:
            logger.log_metrics({**self._counts(), DIVERGED: 1.0}, step=max(0, step - 1))
            logger.save()
        failing = min([step, *(self.since[name] for name, count in self.in_a_row.items() if count)])
        return SrlabError(f"training has diverged: {what}. {way_on(self.files, self.options, failing)}")

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turns the error of a validation whose images are not finite into that of a run that has diverged."""
        try:
            yield
        except NotFiniteError:
            what = f"at step {self._trainer.global_step}/{self.last_step} the network's images are not finite"
            raise self._diverged(what) from None

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Raises SrlabError for weights that are not finite: the checkpoint that is there stays."""
        bad = _not_finite(checkpoint["state_dict"])
        if bad:
            more = f" and {len(bad) - 1} more" if len(bad) > 1 else ""
            step = f"step {trainer.global_step}/{self.last_step}"
            raise self._diverged(f"after {step} weights are not finite ({bad[0]}{more}), so they are not saved")

    def state_dict(self) -> dict[str, Any]:
        self._count(wait=True)
        return {"total": dict(self.total), "in_a_row": dict(self.in_a_row), "since": dict(self.since)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.total, self.in_a_row, self.since = (dict(state_dict[key]) for key in ("total", "in_a_row", "since"))


def _not_finite(state: Mapping[str, Tensor]) -> list[str]:
    return [key for key, value in state.items() if value.is_floating_point() and not all_finite(value)]
