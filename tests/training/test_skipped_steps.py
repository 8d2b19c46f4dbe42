"""Runs in which steps are not finite: what they leave, what is counted and said, and how a run that diverged ends."""

import copy
import math
import os
import re
import socket
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from helpers import ROOT
from poison import poison
from programs import finished, script
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.plugins import MixedPrecision

from srlab.config.compose import compose
from srlab.config.parse import parse
from srlab.config.schema import TrainConfig
from srlab.data.crops import MOST, Crop, crops_of, described
from srlab.errors import SrlabError
from srlab.imaging.files import read_image
from srlab.methods import finite_steps
from srlab.methods.averaging import decay_at, update_average
from srlab.methods.srgan import SRGAN
from srlab.methods.super_resolver import SuperResolver
from srlab.sweeps.report_data import read_sweep
from srlab.training.divergence import options_against
from srlab.training.loggers.csv_log import read_rows
from srlab.training.prepare import TrainingRun, prepare
from srlab.training.process_group import PORT, RANK, WORLD, this_process
from srlab.training.run import train_config
from srlab.training.skipped_steps import SkippedSteps
from srlab.training.trainer import build_trainer
from srlab.weights.files import read_file

SMALL = ["model=edsr_baseline", "data=sample", "model.network.features=4", "model.network.blocks=1", "sets=[sample]",
         "data.sample_images=4", "data.sample_size=64", "data.patch_size=8", "data.batch_size=4",
         "trainer.max_steps=6", "trainer.val_check_interval=3", "trainer.log_every_n_steps=1",
         "trainer.accelerator=cpu", "trainer.precision=32-true", "name=a"]  # fmt: skip
SRGAN_WORDS = ["model=srgan", "loss=srgan_mse", "scale=2", "data.patch_size=12", "model.discriminator.features=4",
               "model.discriminator.dense=8", "init_from=scratch"]  # fmt: skip


def options(folder: Path, *more: str) -> list[str]:
    keys = {word.partition("=")[0] for word in more}
    return [*(word for word in SMALL if word.partition("=")[0] not in keys), f"runs={folder}/runs", *more]


def prepared(*words: str) -> TrainingRun:
    made = prepare(parse(compose("train", list(words)), TrainConfig))
    made.folder.mkdir(parents=True, exist_ok=True)
    return made


def fit(made: TrainingRun, *callbacks: Callback) -> tuple[pl.Trainer, SkippedSteps]:
    """Training alone, without the evaluation at its end."""
    trainer = build_trainer(made, this_process())
    trainer.callbacks.extend(callbacks)
    trainer.fit(made.method, datamodule=made.data, ckpt_path=made.resumed, weights_only=True)
    return trainer, next(found for found in trainer.callbacks if isinstance(found, SkippedSteps))


def same(a: dict, b: dict) -> bool:
    """Of state dicts, nested as those of optimizers are."""
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    return a == b


class Keep(Callback):
    """Copies of all weights and moments: before the first step, and after each."""

    def __init__(self) -> None:
        self.states: list[dict] = []

    def on_train_start(self, trainer, method) -> None:
        self._keep(trainer, method)

    def on_train_batch_end(self, trainer, method, *args) -> None:
        self._keep(trainer, method)

    def _keep(self, trainer, method) -> None:
        moments = [optimizer.state_dict()["state"] for optimizer in trainer.optimizers]
        self.states.append(copy.deepcopy({"weights": method.state_dict(), "moments": moments}))


# What a skipped step leaves


@pytest.mark.parametrize(
    "more",
    [
        [],
        ["trainer.accumulate_grad_batches=2", "trainer.gradient_clip_val=0.1"],
        ["model=srresnet", "scale=2", "model.ema=0.9"],  # BatchNorm's statistics and averaged weights
        ["optimizer.name=sgd", "optimizer.learning_rate=0.1"],
    ],
    ids=["plain", "accumulated", "statistics and averages", "sgd"],
)
def test_a_run_with_poisoned_steps_is_a_plain_loop_without_them(tmp_path, monkeypatch, more):
    words = options(tmp_path, *more)
    made, bad = prepared(*words), {0, 2, 3}
    plain, count = copy.deepcopy(made.method).train(), made.config.trainer.accumulate_grad_batches
    optimizer = plain.configure_optimizers()["optimizer"]
    for step in sorted(set(range(6)) - bad):
        optimizer.zero_grad()
        for index in range(step * count, (step + 1) * count):
            batch = made.data.on_after_batch_transfer(made.data.dataset(range(1)).batch(index), 0)
            (plain.objective(batch)[0] / count).backward()
        plain.configure_gradient_clipping(optimizer, made.config.trainer.gradient_clip_val)
        optimizer.step()
        if plain.averaged is not None:
            update_average(plain.averaged, plain.network, decay_at(step + 1, 0.9))
    poison(monkeypatch, bad)
    trainer, skipped = fit(made)
    assert trainer.global_step == 6 and skipped.total == {"network": 3, "discriminator": 0}
    assert same(made.method.state_dict(), plain.state_dict())
    assert same(trainer.optimizers[0].state_dict()["state"], optimizer.state_dict()["state"])


def test_the_learning_rate_goes_on(tmp_path, monkeypatch):
    poison(monkeypatch, {1, 2})
    fit(prepared(*options(tmp_path, "schedule.milestones=[2,4]", "schedule.gamma=0.5")))
    rates = [float(row["train/learning_rate"]) for row in read_rows(tmp_path / "runs" / "a" / "metrics.csv")]
    assert rates == pytest.approx([1e-4] * 2 + [5e-5] * 2 + [2.5e-5] * 2)


def test_a_flag_on_the_device_does_what_reading_at_once_does(tmp_path, monkeypatch):
    poison(monkeypatch, {1, 3, 4})
    words, found = options(tmp_path), []
    for by_flag in (False, True):
        monkeypatch.setattr(finite_steps, "_skips_by_flag", lambda optimizer, by_flag=by_flag: by_flag)
        made = prepared(*words, f"name={by_flag}")
        found.append((fit(made)[1].state_dict(), made.method.state_dict()))
    assert found[0][0] == found[1][0] and found[0][0]["total"]["network"] == 3
    assert same(found[0][1], found[1][1])


def nan_loss_of_the_discriminator(monkeypatch, method: SRGAN, step: int) -> None:
    adversarial = method.loss.adversarial
    plain = type(adversarial).discriminator
    monkeypatch.setattr(
        type(adversarial),
        "discriminator",
        lambda self, real, fake: plain(self, real, fake) * (math.nan if method.global_step == step else 1),
    )


def nan_loss_of_the_generator(monkeypatch, method: SRGAN, step: int) -> None:
    plain = SRGAN.weighted_terms

    def terms(self, outputs, lr):
        return {k: v * (math.nan if method.global_step == step else 1) for k, v in plain(self, outputs, lr).items()}

    monkeypatch.setattr(SRGAN, "weighted_terms", terms)


@pytest.mark.parametrize(
    ("part", "more"),
    [
        ("network", []),
        ("discriminator", []),
        ("both", ["trainer.accumulate_grad_batches=2", "trainer.gradient_clip_val=0.5"]),
    ],
)
def test_srgans_networks_are_skipped_apart(tmp_path, monkeypatch, part, more):
    """Weights, moments, statistics and averages of one stay; the other learns; the step counts as one all the same."""
    made, keep = prepared(*options(tmp_path, *SRGAN_WORDS, "model.ema=0.9", *more)), Keep()
    if part == "both":
        poison(monkeypatch, {2})
    elif part == "network":
        nan_loss_of_the_generator(monkeypatch, made.method, 2)
    else:
        nan_loss_of_the_discriminator(monkeypatch, made.method, 2)
    trainer, skipped = fit(made, keep)
    parts = {"network", "discriminator"} if part == "both" else {part}
    assert trainer.global_step == 6
    assert skipped.total == {name: int(name in parts) for name in ("network", "discriminator")}
    before, after = keep.states[2], keep.states[3]
    for i, name in enumerate(("network", "discriminator")):
        a, b = ({k: v for k, v in s["weights"].items() if k.startswith(name)} for s in (before, after))
        trainable = [k for k, _ in made.method.named_parameters() if k.startswith(name)]
        if name in parts:
            assert same(before["moments"][i], after["moments"][i])
            assert all(torch.equal(a[key], b[key]) for key in (trainable if part != "both" else a))
        else:
            assert not same(before["moments"][i], after["moments"][i])
            assert any(not torch.equal(a[key], b[key]) for key in trainable)
    # The average moves after callbacks have seen the step.
    averages = [{k: v for k, v in s["weights"].items() if k.startswith("averaged")} for s in keep.states[3:5]]
    assert same(*averages) == ("network" in parts)
    assert all(value.isfinite().all() for value in after["weights"].values())
    rows = read_rows(tmp_path / "runs" / "a" / "metrics.csv")
    counts = [row.get("train/skipped_steps") or "0" for row in rows]
    assert "".join(counts) == ("001111" if "network" in parts else "000000")


def test_half_precision_searches_its_scale(tmp_path):
    """As "16-mixed" is on a GPU. Lightning does not offer it for a CPU, but PyTorch has all of it."""
    made = prepared(*options(tmp_path, "trainer.max_steps=20", "trainer.val_check_interval=20"))
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**40)
    trainer = pl.Trainer(
        accelerator="cpu", plugins=MixedPrecision("16-mixed", "cpu", scaler), max_steps=20, max_epochs=-1,
        limit_val_batches=0, logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[SkippedSteps(made.files, 1, 1, 20, [])],
    )  # fmt: skip
    made.method.optimizer_of, plain = None, made.method.optimizer_of
    made.method.optimizer_of = lambda groups: plain([{**group, "fused": False} for group in groups])
    trainer.fit(made.method, datamodule=made.data)
    assert scaler.get_scale() < 2.0**40, "else this test shows nothing"
    assert trainer.callbacks[0].total == {"network": 0, "discriminator": 0} and trainer.global_step == 20


# What is counted, said and saved


def test_too_many_in_a_row_end_the_run(tmp_path, monkeypatch):
    """The message names step, reason and batch, the last good checkpoint and what to do, which is then done."""
    words = options(tmp_path, "trainer.max_steps=9", "trainer.max_nonfinite_steps=2")
    with monkeypatch.context() as patches:
        poison(patches, range(4, 9))
        with pytest.raises(SrlabError) as error:
            train_config(compose("train", words))
    message, folder = str(error.value), tmp_path / "runs" / "a"
    last = folder / "checkpoints" / "last.ckpt"
    assert message.startswith(
        "training has diverged: 2 steps in a row skipped, the last one step 6/9 (the loss is nan; "
    )
    assert f"{last}, of step 3, stays" in message and "\n" not in message
    assert read_file(last)["global_step"] == 3
    dataset = prepared(*words, "name=b").data.dataset(range(0))
    assert f"batch: {described(crops_of(dataset, 5))})" in message
    rows = read_rows(folder / "metrics.csv")
    assert [row["train/skipped_steps"] for row in rows[3:]] == ["", "1", "2"] and rows[-1]["train/diverged"] == "1"
    path = re.search(r"\(name=OTHER (init_from=\S+)\)", message)[1]
    advice = message.rpartition("with one or more of: ")[2].split(", ")
    assert [word.partition("=")[0] for word in advice] == [
        "optimizer.learning_rate", "schedule", "trainer.gradient_clip_val", "model.network.residual_scale"
    ]  # fmt: skip
    train_config(compose("train", [*options(tmp_path, "name=other"), path, *advice]))
    runs, _ = read_sweep(tmp_path / "runs")
    assert {run.name: run.diverged for run in runs} == {"a": True, "other": False}
    assert runs[0].missing == "training diverged; its log ends at step 6 of 9"


def test_a_good_step_ends_a_row_and_lines_become_rare(tmp_path, monkeypatch, capsys):
    poison(monkeypatch, {0, 1, 3, 4, 6, 7, 9})
    words = options(tmp_path, "trainer.max_steps=12", "trainer.val_check_interval=12", "trainer.max_nonfinite_steps=3")
    _, skipped = fit(prepared(*words))
    assert skipped.total["network"] == 7 and not skipped.is_in_doubt
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("skipped")]
    assert [line.partition(" (")[0] for line in lines] == [
        "skipped step 1/12",
        "skipped step 2/12",
        "skipped step 5/12",
    ]
    assert lines[0].endswith("): 1 so far; 3 in a row would mean that training has diverged")


def test_a_resumed_run_counts_on(tmp_path, monkeypatch):
    """It ends at the step at which a run would end that was never stopped."""
    poison(monkeypatch, {2, 3, 4})
    words = options(tmp_path, "trainer.max_nonfinite_steps=3")
    fit(prepared(*words, "trainer.stop_after=4"))
    with pytest.raises(SrlabError, match=r"3 steps in a row skipped, the last one step 5/6"):
        fit(prepared(*words, "resume=auto"))


def test_in_doubt_nothing_is_saved_between_validations(tmp_path, monkeypatch):
    """Else the weights that a step too large has left would replace the last good ones."""
    poison(monkeypatch, {3, 4, 5})
    words = options(tmp_path, "trainer.max_nonfinite_steps=3", "trainer.save_every=1", "trainer.val_check_interval=6")
    with pytest.raises(SrlabError, match=r"previous\.ckpt, of step 2, stays"):
        fit(prepared(*words))
    assert read_file(tmp_path / "runs" / "a" / "checkpoints" / "last.ckpt")["global_step"] == 3


def test_weights_that_are_not_finite_are_not_saved(tmp_path, monkeypatch):
    plain = SuperResolver.on_train_batch_end

    def spoil(method, *args) -> None:
        plain(method, *args)
        if method.global_step == 3:
            with torch.no_grad():
                next(method.network.parameters()).flatten()[0] = math.inf

    monkeypatch.setattr(SuperResolver, "on_train_batch_end", spoil)
    words = options(tmp_path, "trainer.save_every=1", "trainer.val_check_interval=6")
    with pytest.raises(
        SrlabError, match=r"after step 3/6 weights are not finite \(network\.\S+\), so they are not saved"
    ):
        fit(prepared(*words))
    last = read_file(tmp_path / "runs" / "a" / "checkpoints" / "last.ckpt")
    assert last["global_step"] == 2 and all(value.isfinite().all() for value in last["state_dict"].values())


def test_images_that_are_not_finite_are_a_divergence_too(tmp_path):
    """The first step at an absurd rate leaves finite weights, whose images overflow."""
    words = options(tmp_path, "optimizer.learning_rate=1e30")
    with pytest.raises(SrlabError, match=r"diverged: at step 3/6 the network's images are not finite\. There is no ch"):
        train_config(compose("train", words))
    assert not (tmp_path / "runs" / "a" / "checkpoints").exists()


def test_options_that_help_are_those_of_the_network(tmp_path):
    def keys(*more: str) -> set[str]:
        words = [word for word in options(tmp_path) if not word.startswith("model")]
        return {word.partition("=")[0] for word in options_against(prepared(*words, *more))}

    wide = ["model=edsr", "model.network.features=4", "model.network.blocks=1"]
    assert keys(*wide) == {"optimizer.learning_rate", "schedule", "trainer.gradient_clip_val"}  # it has 0.1
    assert keys("model=vdsr", "model.network.depth=3", "schedule=onecycle") == {"optimizer.learning_rate"}


# Where patches come from


def test_crops_are_where_the_patches_are(tmp_path, photos_folder):
    """Found again in the image files, without turns, with a margin and two scales."""
    words = [word for word in options(tmp_path) if not word.startswith("data")]
    made = prepared(*words, "data=folder", f"data.train=[{photos_folder}]", "scale=[2,3]", "model=mdsr_baseline",
                    "data.augment=false", "data.patch_size=8", "data.batch_size=4", "data.margin=2")  # fmt: skip
    dataset = made.data.dataset(range(0))
    for step in range(4):
        batch, crops = dataset.batch(step), crops_of(dataset, step)
        assert len(crops) == 4 and {crop.scale for crop in crops} == {batch.scale}
        for patch, crop in zip(batch.hr.numpy(), crops, strict=True):
            image = read_image(Path(crop.name))
            image = image[..., None].repeat(3, 2) if image.ndim == 2 else image
            side = patch.shape[1]
            found = image[crop.top : crop.top + side, crop.left : crop.left + side].transpose(2, 0, 1)
            assert (found == patch).all()


def test_a_line_names_some_patches():
    assert described([Crop("a/b.png", 2, 4, 6)]) == "b.png (x2, row 4, column 6)"
    assert described([Crop("\x1b[2J.png", 2, 4, 6)]).startswith("\\x1b[2J.png")
    assert described([Crop("b.png", 2, 4, 6)] * (MOST + 3)).endswith("column 6), 3 more")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def test_two_ranks_decide_alike(tmp_path):
    """Only rank 1 meets NaN. Both skip the same steps, keep the same weights, and stop at the same step."""
    words = options(tmp_path, "trainer.max_nonfinite_steps=2", "trainer.max_steps=9", "trainer.val_check_interval=9")
    words, program = [str(tmp_path), *words, "trainer.devices=2"], Path(__file__).with_name("skipped_ranks.py")
    group = {WORLD: "2", PORT: str(free_port()), "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT / 'tests'}"}
    assert finished([script(program, *words, **group, **{RANK: str(rank)}) for rank in range(2)]) == [0, 0]
    first, second = (torch.load(tmp_path / f"rank{rank}.pt", weights_only=True) for rank in range(2))
    assert same(first["state"], second["state"]) and first["step"] == second["step"] == 7
    assert first["total"] == second["total"] == 3
    assert "step 7/9 (the norm of the gradient is nan; " in first["error"]
    assert "step 7/9 (the loss is nan; " in second["error"]
