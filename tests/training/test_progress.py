"""What a run prints while it trains, on a clock of our own."""

import math
from types import SimpleNamespace

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.demos.boring_classes import BoringModel

from srlab.methods import find_method
from srlab.metrics.metric import Quality
from srlab.training import progress
from srlab.training.progress import StepBar, TrainingProgress, duration


class Clock:
    """A trainer whose steps take a second each, and the time that they see."""

    def __init__(self, monkeypatch, seconds: float = 1.0) -> None:
        self.now, self.seconds = 0.0, seconds
        monkeypatch.setattr(progress, "time", SimpleNamespace(perf_counter=lambda: self.now))
        group = {"lr": 1e-4}
        self.trainer = SimpleNamespace(
            global_step=0, is_global_zero=True, sanity_checking=False, should_stop=False,
            callback_metrics={"train/loss": torch.tensor(0.5)}, optimizers=[SimpleNamespace(param_groups=[group])],
        )  # fmt: skip

    def steps(self, shown: TrainingProgress, count: int) -> None:
        for _ in range(count):
            self.now += self.seconds
            self.trainer.global_step += 1
            shown.on_train_batch_end(self.trainer)

    def validate(self, shown: TrainingProgress, method=None, **metrics: float) -> None:
        shown.on_validation_start(self.trainer, method)
        self.trainer.callback_metrics |= {f"val/{name}": torch.tensor(value) for name, value in metrics.items()}
        self.now += 100  # validation is not part of the rate
        shown.on_validation_end(self.trainer, method)


def test_the_first_line_comes_soon_and_says_how_long_the_whole_takes(monkeypatch, capsys):
    clock, shown = Clock(monkeypatch), TrainingProgress(300_000)
    shown.on_train_start(clock.trainer, None)
    clock.steps(shown, 9)
    assert capsys.readouterr().out == ""
    clock.steps(shown, 1)
    assert capsys.readouterr().out == "step 10/300000  1.0 steps/s  about 3 days to go  loss 0.50000\n"


def test_further_lines_come_at_growing_intervals(monkeypatch, capsys):
    clock, shown = Clock(monkeypatch), TrainingProgress(10_000)
    shown.on_train_start(clock.trainer, None)
    clock.steps(shown, 3000)
    steps = [int(line.split()[1].partition("/")[0]) for line in capsys.readouterr().out.splitlines()]
    assert steps == [10, 50, 210, 810, 1410, 2010, 2610]


def test_a_progress_bar_does_without_lines_between_validations(monkeypatch, capsys):
    clock, shown = Clock(monkeypatch), TrainingProgress(100, between=False)
    shown.on_train_start(clock.trainer, None)
    clock.steps(shown, 50)
    assert capsys.readouterr().out == ""
    clock.validate(shown, psnr=30.0)
    assert capsys.readouterr().out == (
        "step 50/100  1.0 steps/s  about 50 s to go  learning rate 0.0001  loss 0.50000  "
        "validation 30.00 dB (best 30.00)\n"
    )


def test_validation_is_not_part_of_the_rate_or_the_time_of_training(monkeypatch, capsys):
    clock, shown = Clock(monkeypatch), TrainingProgress(20)
    shown.on_train_start(clock.trainer, None)
    for _ in range(2):
        clock.steps(shown, 10)
        clock.validate(shown, psnr=30.0)
    assert all("1.0 steps/s" in line for line in capsys.readouterr().out.splitlines())
    assert shown.seconds == 20 and clock.trainer.should_stop


def test_another_metric_that_chooses_the_best_is_shown(monkeypatch, capsys):
    clock, shown = Clock(monkeypatch), TrainingProgress(100, "val/lpips", lower=True)
    shown.on_train_start(clock.trainer, None)
    for psnr, lpips in ((30.0, 0.3), (29.0, 0.2), (31.0, 0.25)):
        clock.steps(shown, 2)
        clock.validate(shown, psnr=psnr, lpips=lpips)
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].endswith("validation 29.00 dB (best 30.00), val/lpips 0.2000 (best 0.2000)")
    assert lines[2].endswith("validation 31.00 dB (best 31.00), val/lpips 0.2500 (best 0.2000)")
    assert shown.psnr_of_best == 29.0
    again = TrainingProgress(100, "val/lpips", lower=True)
    again.load_state_dict(shown.state_dict())
    assert again.state_dict() == shown.state_dict()


def test_a_picture_that_is_reproduced_exactly_is_said_and_chooses_nothing(monkeypatch, capsys):
    clock, shown = Clock(monkeypatch), TrainingProgress(100)
    method = find_method("interpolation")({"kernel": "bicubic"})
    shown.on_train_start(clock.trainer, None)
    for photo in (28.09, 31.34):
        clock.steps(shown, 2)
        method.validated = {("flat", 2): Quality(psnr=math.inf), ("photo", 2): Quality(psnr=photo)}
        clock.validate(shown, method, psnr=photo)
    left_out = "PSNR: infinite for 1 of 2 images, which the mean leaves out"
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].endswith(f"validation 31.34 dB (best 31.34); {left_out}")
    assert shown.psnr_of_best == pytest.approx(31.34)


def test_what_an_earlier_version_kept_is_taken_up():
    shown = TrainingProgress(100)
    shown.load_state_dict({"best": 30.0, "latest": 29.0, "seconds": 5.0})
    assert (shown.chosen.score, shown.psnr_of_best, shown.seconds) == (30.0, 30.0, 5.0)


@pytest.mark.parametrize(
    ("seconds", "text"), [(40, "40 s"), (720, "12 min"), (90_000, "25 h"), (800_000, "9 days"), (5399, "90 min")]
)
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_the_bar_on_a_terminal_speaks_of_training_and_not_of_epochs(tmp_path):
    """Lightning's own would say Epoch 0/-2; the method that says otherwise is a private one of Lightning's."""
    bar, found = StepBar(), []

    class Look(pl.Callback):
        def on_train_batch_end(self, *args) -> None:
            found.extend(task.description for task in bar.progress.tasks)

    pl.Trainer(
        default_root_dir=tmp_path, max_steps=2, max_epochs=-1, accelerator="cpu", logger=False, limit_val_batches=0,
        enable_checkpointing=False, enable_model_summary=False, callbacks=[bar, Look()],
    ).fit(BoringModel())  # fmt: skip
    assert set(found) == {"Training"}
