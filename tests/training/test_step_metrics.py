"""Gradient norm, learning rate and images a second: against PyTorch, and against a clock that we set."""

from types import SimpleNamespace
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers.logger import Logger
from pytorch_lightning.plugins import MixedPrecision
from torch import nn
from torch.utils.data import DataLoader

from srlab.methods.optimizers import gradient_norm
from srlab.training import step_metrics
from srlab.training.progress import TrainingProgress
from srlab.training.step_metrics import StepMetrics

BATCHES = torch.rand(24, 2, 3, generator=torch.Generator().manual_seed(0))  # of two samples


class Rows(Logger):
    """step -> metrics."""

    name, version = "rows", ""

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[int, dict[str, float]] = {}

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        self.rows.setdefault(step, {}).update(metrics)

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        pass


class Tiny(pl.LightningModule):
    """Its weights stay as they are, so every step's gradient is known. A batch takes 2 seconds, a validation 100."""

    def __init__(self, clock: SimpleNamespace) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second, self.clock = nn.Linear(3, 4), nn.Linear(4, 1), clock

    def loss(self, batch: torch.Tensor) -> torch.Tensor:
        return 50 * self.second(self.first(batch).tanh()).square().mean()

    def training_step(self, batch: torch.Tensor, index: int) -> torch.Tensor:
        self.clock.now += 2
        return self.loss(batch)

    def validation_step(self, batch: torch.Tensor, index: int) -> None:
        self.clock.now += 100

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.clock.now += 30

    def configure_optimizers(self) -> torch.optim.Optimizer:
        groups = [{"params": self.first.parameters()}, {"params": self.second.parameters(), "lr": 1e-30}]
        return torch.optim.SGD(groups, lr=1e-20)


def train(tmp_path, monkeypatch, accumulated: int, scaled: bool) -> tuple[Tiny, dict[int, Any]]:
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(step_metrics, "time", SimpleNamespace(perf_counter=lambda: clock.now))
    module, log = Tiny(clock), Rows()
    # As "16-mixed" is on a GPU. Lightning does not offer it for a CPU, but PyTorch has all of it.
    scaling = MixedPrecision("16-mixed", "cpu", torch.amp.GradScaler("cpu", init_scale=256)) if scaled else None
    trainer = pl.Trainer(
        accelerator="cpu",
        plugins=scaling,
        max_steps=7,
        max_epochs=-1,
        val_check_interval=2 * accumulated,
        check_val_every_n_epoch=None,
        log_every_n_steps=3,
        gradient_clip_val=1e-3,
        accumulate_grad_batches=accumulated,
        logger=log,
        callbacks=[
            TrainingProgress(7),
            StepMetrics(2 * accumulated, every=3),
            pl.callbacks.ModelCheckpoint(tmp_path, save_on_train_epoch_end=False),
        ],
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    loaders = (DataLoader(list(batches), batch_size=None) for batches in (BATCHES, BATCHES[:1]))
    trainer.fit(module, *loaders)
    return module, log.rows


def norm_of_step(module: Tiny, step: int, accumulated: int) -> float:
    """Of the mean loss over the step's batches, by autograd."""
    mean = torch.stack([module.loss(batch) for batch in BATCHES[step * accumulated :][:accumulated]]).mean()
    parts = torch.autograd.grad(mean, list(module.parameters()))
    return float(torch.cat([part.flatten() for part in parts]).norm())


@pytest.mark.parametrize(("accumulated", "scaled"), [(1, False), (2, False), (2, True)])
def test_gauges_of_the_logged_steps(tmp_path, monkeypatch, accumulated, scaled):
    """Every third step and the last one; clipping comes later, and fp16's scale has been taken out."""
    module, rows = train(tmp_path, monkeypatch, accumulated, scaled)
    assert sorted(rows) == [2, 5, 6]
    for step, row in rows.items():
        expected = norm_of_step(module, step, accumulated)
        assert row["train/gradient_norm"] == pytest.approx(expected, rel=1e-2 if scaled else 1e-5)
        assert row["train/learning_rate"] == pytest.approx(1e-20)
        assert row["train/learning_rate_2"] == pytest.approx(1e-30)
        # Validation and checkpoints fall between the logged steps, and leave 2 samples in 2 seconds.
        assert row["train/images_per_second"] == pytest.approx(1)


def test_gradient_norm_of_what_is_trained():
    module = nn.Linear(3, 2)
    optimizer = torch.optim.SGD(module.parameters(), lr=1)
    assert gradient_norm(optimizer) == 0
    module.bias.requires_grad_(False)
    module(torch.ones(1, 3)).sum().backward()
    assert gradient_norm(optimizer) == pytest.approx(6**0.5)
