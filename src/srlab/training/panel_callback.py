"""Logs pictures of the same few images at every validation."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from srlab.data.batch import Pair
from srlab.distributed import merge_over_ranks
from srlab.evaluation.validation_panel import ValidationPanel, ValidationPanelMaker
from srlab.metrics.protocol import Protocol
from srlab.training.loggers.run_logger import run_loggers


class ValidationPanels(Callback):
    """Logs panels of some validation images at one scale, made of the results that validation_step returns.

    Every rank makes the panels of the images that it validates.

    Args:
        names: of the images, as the pairs have them.
        scale: of the panels.
        rules: the protocol, which says how a result is shown.
    """

    def __init__(self, names: Sequence[str], scale: int, rules: Protocol) -> None:
        self.scale, self.rules = scale, rules
        # Numbered, so that runs on other data or at another scale have charts of the same names.
        self.keys = {name: f"panels/{i}" for i, name in enumerate(names, 1)}
        self._makers: dict[str, ValidationPanelMaker] = {}
        self._panels: dict[str, ValidationPanel] = {}

    def on_validation_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Pair, *args: Any
    ) -> None:
        if batch.name in self.keys and batch.scale == self.scale:
            assert isinstance(outputs, Mapping)
            if batch.name not in self._makers:
                self._makers[batch.name] = ValidationPanelMaker(batch, self.rules)
            self._panels[self.keys[batch.name]] = self._makers[batch.name].panel(outputs["sr"], outputs["psnr"])

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        panels, self._panels = merge_over_ranks(self._panels), {}
        if trainer.is_global_zero:
            for log in run_loggers(trainer.loggers):
                log.log_panels(dict(sorted(panels.items())), max(0, trainer.global_step - 1))
