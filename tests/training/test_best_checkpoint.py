"""best.ckpt where validation has pictures that are reproduced exactly, or values that are not numbers."""

from itertools import count
from math import inf, nan
from types import SimpleNamespace

import pytest
import torch

from srlab.config.compose import compose
from srlab.errors import SrlabError
from srlab.methods import interpolation
from srlab.metrics.metric import Quality
from srlab.metrics.protocol import Protocol
from srlab.training.checkpoints import BestCheckpoint
from srlab.training.loggers.csv_log import read_rows
from srlab.training.run import train_config
from srlab.weights.checkpoint import step_of

WORDS = ["model=edsr_baseline", "data=sample", "model.network.features=4", "model.network.blocks=1", "sets=[sample]",
         "data.sample_images=4", "data.sample_size=64", "data.patch_size=8", "data.batch_size=4", "seed=1", "name=a",
         "trainer.max_steps=4", "trainer.val_check_interval=1", "trainer.accelerator=cpu", "logger=csv",
         "trainer.progress_bar=false", "data.valid_images=2"]  # fmt: skip


def train(folder, monkeypatch, psnr: list[tuple[float, float]]) -> dict[str, float]:
    """A run of 4 steps whose validations measure these values, two images each."""
    calls = count()
    values = [value for pair in psnr for value in pair]

    def measure(self, sr, hr, scale, meters=()) -> Quality:
        number = next(calls)
        return Quality(psnr=values[number] if number < len(values) else 25.0, ssim=0.9)

    monkeypatch.setattr(Protocol, "measure", measure)
    return train_config(compose("train", [*WORDS, f"runs={folder}"]))


@pytest.mark.parametrize(
    "psnr",
    [
        [(inf, 28.09), (47.0, 30.0), (47.0, 31.0), (47.0, 31.34)],  # an infinite mean would be the best for ever
        [(48.13, 28.09), (inf, 30.0), (inf, 31.0), (inf, 31.34)],  # as would one of an image that others leave out
    ],
)
def test_a_flat_picture_does_not_freeze_the_best_checkpoint(tmp_path, monkeypatch, capsys, psnr):
    found = train(tmp_path, monkeypatch, psnr)
    assert step_of(tmp_path / "a" / "checkpoints" / "best.ckpt") == 4
    rows = [row for row in read_rows(tmp_path / "a" / "metrics.csv") if row.get("val/psnr")]
    means = [b if a == inf else (a + b) / 2 for a, b in psnr]
    assert [float(row["val/psnr"]) for row in rows] == pytest.approx(means, abs=1e-3)
    assert [float(row["val/psnr_left_out"] or 0) for row in rows] == [float(a == inf) for a, _ in psnr]
    assert found["val/psnr"] == pytest.approx(means[-1], abs=1e-4)
    assert capsys.readouterr().out.count("; PSNR: infinite for 1 of 2 images") == sum(a == inf for a, _ in psnr)


def test_values_that_are_no_numbers_give_no_best_checkpoint(tmp_path, monkeypatch):
    with pytest.raises(SrlabError, match=r"val/psnr was not a number at any validation.*last\.ckpt"):
        train(tmp_path, monkeypatch, [(nan, 30.0)] * 4)


def checks(best: BestCheckpoint, *validations: dict[str, float]) -> list[bool]:
    """What the callback decides at validations with these values, by image."""
    method, found = interpolation(), []
    trainer = SimpleNamespace(lightning_module=method, strategy=SimpleNamespace(reduce_boolean_decision=bool))
    for values in validations:
        method.validated = {(image, 2): Quality(psnr=value) for image, value in values.items()}
        finite = [value for value in values.values() if value != inf]
        found.append(best.check_monitor_top_k(trainer, torch.tensor(sum(finite) / len(finite) if finite else inf)))
    return found


def test_the_callback_takes_no_nan_and_nothing_for_being_infinite(tmp_path):
    best = BestCheckpoint(tmp_path, "val/psnr", lower=False)
    given = [{"a": nan}, {"a": 28.0, "b": inf}, {"a": nan}, {"a": 27.0, "b": 90.0}, {"a": 29.0, "b": 50.0}]
    assert checks(best, *given) == [False, True, False, False, True]


def test_a_resumed_run_compares_with_the_images_of_the_checkpoint(tmp_path):
    first = BestCheckpoint(tmp_path, "val/psnr", lower=False)
    checks(first, {"a": 30.0, "b": 48.13})
    torch.save({}, tmp_path / "best.ckpt")
    first.best_model_score, first.best_model_path = torch.tensor(39.065), str(tmp_path / "best.ckpt")
    again, earlier = (BestCheckpoint(tmp_path, "val/psnr", lower=False) for _ in range(2))
    state = first.state_dict()
    again.load_state_dict(state)
    assert checks(again, {"a": 29.0, "b": inf}, {"a": 30.1, "b": inf}) == [False, True]
    state.pop("best_validation")  # as earlier versions wrote it
    earlier.load_state_dict(state)
    assert checks(earlier, {"a": 30.1, "b": inf}, {"a": 31.0, "b": 48.13}) == [False, True]
