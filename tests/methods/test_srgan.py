"""SRGAN: two networks that learn in turns, counted as one step, exactly resumable, alike on every process."""

import copy
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from helpers import ROOT

from srlab.config.compose import compose
from srlab.config.parse import parse
from srlab.config.schema import TrainConfig
from srlab.errors import SrlabError
from srlab.methods.loading import load_checkpoint
from srlab.methods.srgan import SRGAN
from srlab.networks.discriminator import Discriminator
from srlab.training.loggers.csv_log import read_rows
from srlab.training.prepare import TrainingRun, prepare
from srlab.training.process_group import this_process
from srlab.training.run import train_config
from srlab.training.trainer import build_trainer
from srlab.weights.files import read_file

SMALL = ["model=srgan", "loss=srgan_mse", "scale=2", "model.network.features=6", "model.network.blocks=1",
         "model.discriminator.features=4", "model.discriminator.dense=8", "data=folder", "data.patch_size=12",
         "data.batch_size=4", "trainer.max_steps=8", "trainer.val_check_interval=4", "trainer.log_every_n_steps=1",
         "trainer.accelerator=cpu", "sets=[sample]"]  # fmt: skip


def options(folder: Path, photos: Path, *more: str) -> list[str]:
    keys = {word.partition("=")[0] for word in more}
    small = [word for word in SMALL if word.partition("=")[0] not in keys]
    return [*small, f"data.train=[{photos}]", f"runs={folder}/runs", *more]


def run(*words: str) -> dict[str, float]:
    return train_config(compose("train", list(words)))


def prepared(*words: str) -> TrainingRun:
    made = prepare(parse(compose("train", list(words)), TrainConfig))
    made.folder.mkdir(parents=True, exist_ok=True)
    return made


def fit(*words: str) -> TrainingRun:
    """Training alone, in this process: without the evaluation at its end."""
    made = prepared(*words)
    trainer = build_trainer(made, this_process())
    trainer.fit(made.method, datamodule=made.data, ckpt_path=made.resumed, weights_only=True)
    return made


def last(folder: Path, name: str) -> dict:
    return read_file(folder / "runs" / name / "checkpoints" / "last.ckpt")


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def moved(before: dict, after: dict, prefix: str) -> float:
    """The norm of the change of the weights under a prefix."""
    changes = [(after[key].float() - before[key].float()).flatten() for key in after if key.startswith(prefix)]
    return float(torch.cat(changes).norm())


def descend(network: torch.nn.Module, loss: torch.Tensor) -> None:
    """One step of plain gradient descent, at a learning rate of 0.05."""
    slopes = torch.autograd.grad(loss, list(network.parameters()))
    with torch.no_grad():
        for p, slope in zip(network.parameters(), slopes, strict=True):
            p.sub_(0.05 * slope)


def test_the_discriminator_has_the_published_number_of_parameters():
    with torch.device("meta"):
        assert sum(p.numel() for p in Discriminator(96).parameters()) == 23_565_505


@pytest.mark.parametrize("size", [16, 50, 72, 96])
def test_the_discriminator_takes_patches_of_its_size(size):
    assert Discriminator(size, features=4, dense=8)(torch.rand(2, 3, size, size)).shape == (2, 1)


def test_one_step_is_that_of_the_paper(tmp_path, photos_folder):
    """Against a few lines of plain PyTorch: first the discriminator, then the generator against the new one."""
    words = options(tmp_path, photos_folder, "init_from=scratch", "optimizer.name=sgd", "optimizer.learning_rate=0.05",
                    "optimizer.momentum=0", "trainer.max_steps=1", "trainer.precision=32-true")  # fmt: skip
    made = prepared(*words)
    generator, critic = copy.deepcopy(made.method.network).train(), copy.deepcopy(made.method.discriminator).train()
    batch = made.data.on_after_batch_transfer(made.data.dataset(range(1)).batch(0), 0)
    build_trainer(made, this_process()).fit(made.method, datamodule=made.data)

    sr = generator(batch.lr, 2)
    real, fake = critic(batch.hr), critic(sr.detach())
    loss = F.binary_cross_entropy_with_logits(real, torch.ones(4, 1))
    loss = loss + F.binary_cross_entropy_with_logits(fake, torch.zeros(4, 1))
    descend(critic, loss)
    pixels = F.mse_loss(2 * sr - 1, 2 * batch.hr - 1)  # the paper's images are in [-1, 1]
    adversarial = -torch.log(torch.sigmoid(critic(sr))).mean()
    descend(generator, pixels + 1e-3 * adversarial)
    for ours, reference in ((made.method.network, generator), (made.method.discriminator, critic)):
        for p, expected in zip(ours.parameters(), reference.parameters(), strict=True):
            torch.testing.assert_close(p, expected, atol=1e-7, rtol=1e-4)


@pytest.mark.parametrize("accumulated", [1, 2])
def test_every_prediction_of_a_step_counts_by_its_weight(tmp_path, photos_folder, monkeypatch, accumulated):
    """Deep supervision, against plain PyTorch: both networks learn from all outputs, weighted."""
    weights, factors = (1.0, 0.3), (1.0, 0.5)

    def predictions(method, batch):
        sr = method.network(batch.lr, batch.scale)
        return [(batch.crop_margin(f * sr), batch.hr, w) for f, w in zip(factors, weights, strict=True)]

    monkeypatch.setattr(SRGAN, "predictions", predictions)
    words = options(tmp_path, photos_folder, "init_from=scratch", "optimizer.name=sgd", "optimizer.learning_rate=0.05",
                    "optimizer.momentum=0", "trainer.max_steps=1", "trainer.precision=32-true",
                    "model.discriminator.norm=none", f"trainer.accumulate_grad_batches={accumulated}")  # fmt: skip
    made = prepared(*words)
    generator, critic = copy.deepcopy(made.method.network).train(), copy.deepcopy(made.method.discriminator).train()
    dataset = made.data.dataset(range(accumulated))
    batches = [made.data.on_after_batch_transfer(dataset.batch(i), 0) for i in range(accumulated)]
    build_trainer(made, this_process()).fit(made.method, datamodule=made.data)

    def outputs() -> list[tuple[torch.Tensor, torch.Tensor, float]]:
        return [(f * generator(batch.lr, 2), batch.hr, w / accumulated)
                for batch in batches for f, w in zip(factors, weights, strict=True)]  # fmt: skip

    softplus = F.softplus
    descend(critic, sum(w * (softplus(-critic(hr)).mean() + softplus(critic(sr.detach())).mean())
                        for sr, hr, w in outputs()))  # fmt: skip
    descend(generator, sum(w * (4 * F.mse_loss(sr, hr) + 1e-3 * softplus(-critic(sr)).mean())
                           for sr, hr, w in outputs()))  # fmt: skip
    for ours, reference in ((made.method.network, generator), (made.method.discriminator, critic)):
        for p, expected in zip(ours.parameters(), reference.parameters(), strict=True):
            torch.testing.assert_close(p, expected, atol=1e-7, rtol=1e-4)


def test_a_step_is_one_update_of_each(tmp_path, photos_folder):
    fit(*options(tmp_path, photos_folder, "init_from=scratch", "name=a", "model.ema=0.9",
                 "schedule.milestones=[4]", "trainer.accumulate_grad_batches=2", "data.batch_size=2"))  # fmt: skip
    content = last(tmp_path, "a")
    assert content["global_step"] == 8
    for state in content["optimizer_states"]:
        assert {int(moments["step"]) for moments in state["state"].values()} == {8}
    rows = read_rows(tmp_path / "runs" / "a" / "metrics.csv")
    logged = [row for row in rows if row["train/loss"]]
    assert [int(row["step"]) for row in logged] == list(range(8))
    assert [float(row["train/learning_rate"]) for row in logged] == pytest.approx([1e-4] * 4 + [1e-5] * 4)
    for key in ("train/l2", "train/adversarial", "train/discriminator", "train/d_real", "train/d_fake",
                "train/gradient_norm", "train/gradient_norm_discriminator", "train/images_per_second"):  # fmt: skip
        assert all(torch.tensor(float(row[key])).isfinite() for row in logged), key


@pytest.mark.parametrize(
    ("precision", "kind", "norm"), [("32-true", "wgan_gp", "none"), ("bf16-mixed", "vanilla", "batch")]
)
def test_a_resumed_run_ends_bit_identical(tmp_path, photos_folder, precision, kind, norm):
    words = options(tmp_path, photos_folder, "init_from=scratch", "model.ema=0.9", f"trainer.precision={precision}",
                    f"loss.adversarial.kind={kind}", f"model.discriminator.norm={norm}",
                    "schedule=cosine", "trainer.gradient_clip_val=0.5")  # fmt: skip
    fit(*words, "name=whole")
    fit(*words, "name=parts", "trainer.stop_after=4")
    fit(*words, "name=parts", "resume=auto")
    whole, parts = last(tmp_path, "whole"), last(tmp_path, "parts")
    assert whole["global_step"] == parts["global_step"] == 8 and same(whole["state_dict"], parts["state_dict"])
    assert any(key.startswith("discriminator.") for key in whole["state_dict"])
    for a, b in zip(whole["optimizer_states"], parts["optimizer_states"], strict=True):
        assert all(torch.equal(a["state"][i][k], b["state"][i][k]) for i in a["state"] for k in a["state"][i])


def test_two_processes_learn_as_one(tmp_path, photos_folder):
    """Both ranks end with the same weights, in one go as well as stopped and resumed."""
    words = options(tmp_path, photos_folder, "init_from=scratch", "trainer.precision=32-true", "optimizer.name=sgd",
                    "optimizer.learning_rate=0.02")  # fmt: skip
    script = Path(__file__).with_name("srgan_steps.py")
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT / 'tests'}", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", str(script), str(tmp_path)]
    assert subprocess.run([*command, *words, "trainer.devices=2"], env=environment, timeout=300).returncode == 0
    two, other = (torch.load(tmp_path / f"rank{rank}.pt", weights_only=True) for rank in range(2))
    assert (
        same(two["whole"], other["whole"]) and same(two["whole"], two["parts"]) and same(two["parts"], other["parts"])
    )
    start = copy.deepcopy(prepared(*words, "name=one").method.state_dict())
    one = fit(*words, "name=one", "overwrite=true").method.state_dict()
    for prefix in ("network.", "discriminator."):
        assert moved(one, two["whole"], prefix) < 1e-3 * moved(start, one, prefix)


@pytest.mark.parametrize("by", ["auto", "val/psnr"])
def test_the_best_is_the_latest_and_not_the_highest_psnr(tmp_path, photos_folder, by):
    words = options(tmp_path, photos_folder, "name=best", "init_from=scratch", f"trainer.monitor={by}",
                    "optimizer.learning_rate=0.03", "trainer.val_check_interval=1",
                    "trainer.precision=32-true")  # fmt: skip
    run(*words, "trainer.stop_after=6")
    found = run(*words, "resume=auto")
    rows = {int(row["step"]): float(row["val/psnr"]) for row in read_rows(tmp_path / "runs/best/metrics.csv")}
    highest = max(rows, key=lambda step: rows[step])
    assert sorted(rows) == list(range(8)) and highest != 7
    chosen = 7 if by == "auto" else highest
    assert read_file(tmp_path / "runs/best/checkpoints/best.ckpt")["global_step"] == chosen + 1
    assert found["val/psnr"] == pytest.approx(rows[chosen], abs=1e-3)


def test_accumulated_batches_learn_as_one(tmp_path, photos_folder):
    """Without BatchNorm, which sees one batch at a time."""
    words = options(tmp_path, photos_folder, "init_from=scratch", "trainer.precision=32-true", "optimizer.name=sgd",
                    "optimizer.learning_rate=0.02", "model.network.norm=none", "model.discriminator.norm=none",
                    "data.augment=false", "trainer.max_steps=1", "trainer.val_check_interval=1")  # fmt: skip
    made = prepared(*words, "name=new")
    start, data = made.method.state_dict(), made.data
    fit(*words, "name=halves", "trainer.accumulate_grad_batches=2")
    after = last(tmp_path, "halves")["state_dict"]
    method = made.method
    batches = [data.on_after_batch_transfer(data.dataset(range(2)).batch(step), 0) for step in range(2)]
    lr, hr = (torch.cat([getattr(batch, side) for batch in batches]) for side in ("lr", "hr"))
    loss = method.loss.adversarial.discriminator(method.discriminator(hr), method.discriminator(method.network(lr, 2)))
    slopes = torch.autograd.grad(loss, list(method.discriminator.parameters()))
    for (name, p), slope in zip(method.discriminator.named_parameters(), slopes, strict=True):
        torch.testing.assert_close(after[f"discriminator.{name}"], p.detach() - 0.02 * slope, atol=1e-7, rtol=1e-4)
    assert moved(start, after, "network.") > 0


@pytest.mark.parametrize("kind", ["vanilla", "lsgan", "hinge", "wgan_gp", "relativistic"])
def test_every_adversarial_loss_trains_both(tmp_path, photos_folder, kind):
    words = options(tmp_path, photos_folder, "init_from=scratch", f"loss.adversarial.kind={kind}", "name=a",
                    "model.discriminator.norm=none", "trainer.max_steps=4",
                    "trainer.accumulate_grad_batches=2")  # fmt: skip
    start = copy.deepcopy(prepared(*words).method.state_dict())
    fit(*words, "overwrite=true")
    after = last(tmp_path, "a")["state_dict"]
    assert moved(start, after, "network.") > 0 and moved(start, after, "discriminator.") > 0


def test_clipping_bounds_both_steps(tmp_path, photos_folder):
    words = options(tmp_path, photos_folder, "init_from=scratch", "optimizer.name=sgd", "optimizer.learning_rate=1",
                    "optimizer.momentum=0", "trainer.max_steps=1", "trainer.gradient_clip_val=1e-3",
                    "trainer.precision=32-true", "name=a")  # fmt: skip
    made = prepared(*words)
    start = copy.deepcopy(made.method.state_dict())
    build_trainer(made, this_process()).fit(made.method, datamodule=made.data)
    after = last(tmp_path, "a")["state_dict"]
    weights = {f"{part}.{name}" for part in ("network", "discriminator")
               for name, _ in getattr(made.method, part).named_parameters()}  # fmt: skip
    for prefix in ("network.", "discriminator."):
        own = {key: value for key, value in after.items() if key.startswith(prefix) and key in weights}
        assert moved(start, own, prefix) == pytest.approx(1e-3, rel=1e-2)
    norms = [row for row in read_rows(tmp_path / "runs" / "a" / "metrics.csv") if row["train/loss"]]
    assert float(norms[0]["train/gradient_norm"]) > 1e-2, "the norm is that before clipping"


def test_it_starts_from_a_trained_srresnet(tmp_path, photos_folder):
    words = options(tmp_path, photos_folder)
    with pytest.raises(
        SrlabError, match=r"srgan starts from .*init_from=CKPT .*experiment=srgan_vgg54.*init_from=scratch"
    ):
        run(*words)
    network = [word for word in words if "discriminator" not in word and "loss=" not in word and "model=" not in word]
    run("model=srresnet", *network, "name=pre")
    best = tmp_path / "runs" / "pre" / "checkpoints" / "best.ckpt"
    run(*words, f"init_from={best}", "optimizer.learning_rate=0", "name=gan")
    method = load_checkpoint(tmp_path / "runs" / "gan" / "checkpoints" / "best.ckpt")
    assert isinstance(method, SRGAN) and method.discriminator is None and method.loss is None
    trained = load_checkpoint(best)
    assert all(
        torch.equal(a, b) for a, b in zip(method.network.parameters(), trained.network.parameters(), strict=True)
    )


def test_an_experiment_trains_both_stages(tmp_path, photos_folder):
    """And goes on after a run that died between them."""
    words = options(tmp_path, photos_folder, "experiment=srgan_mse", "pretrain.trainer.max_steps=4", "name=both")
    words = [word for word in words if word not in ("model=srgan", "loss=srgan_mse")]
    assert run(*words).keys() == {"val/psnr", "sample_x2/psnr"}
    folder = tmp_path / "runs" / "both"
    first = read_file(folder / "pretraining" / "checkpoints" / "best.ckpt")
    assert first["srlab"]["method"] == "srresnet" and first["global_step"] == 4
    assert last(tmp_path, "both")["srlab"]["method"] == "srgan" and last(tmp_path, "both")["global_step"] == 8
    whole = last(tmp_path, "both")["state_dict"]
    for path in (folder / "checkpoints").iterdir():
        path.unlink()
    (folder / "checkpoints").rmdir()
    (folder / "results.json").unlink()  # the second stage had not ended
    made = (folder / "pretraining" / "results.json").stat().st_mtime_ns
    run(*words, "resume=auto")
    assert (folder / "pretraining" / "results.json").stat().st_mtime_ns == made
    assert same(whole, last(tmp_path, "both")["state_dict"])


def test_an_experiment_on_two_processes(tmp_path, photos_folder):
    words = options(tmp_path, photos_folder, "experiment=srgan_mse", "pretrain.trainer.max_steps=4", "name=both",
                    "trainer.devices=2")  # fmt: skip
    run(*[word for word in words if word not in ("model=srgan", "loss=srgan_mse")])
    assert last(tmp_path, "both")["global_step"] == 8


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["loss.adversarial.weight=0"], "SRGAN without it is SRResNet. Choose model=srresnet"),
        (["loss.adversarial.kind=wgan_gp"], "Say model.discriminator.norm=none"),
        (["trainer.monitor=lpips"], "trainer.monitor=lpips: expected one of auto, val/psnr, step"),
        (["data.scale_per=sample"], "Say data.scale_per=batch"),
        (["trainer.precision=16-mixed"], "Say trainer.precision=bf16-mixed"),
        (["model=edsr_baseline", "loss=srgan_mse"], "edsr has no discriminator. Choose model=srgan"),
    ],
)
def test_what_it_cannot_do(tmp_path, photos_folder, words, message):
    given = options(tmp_path, photos_folder, *words, "init_from=scratch")
    if "model=edsr_baseline" in words:
        given = [word for word in given if "discriminator" not in word]
    with pytest.raises(SrlabError, match=message):
        run(*given)


def test_a_name_tells_of_random_features(tmp_path, photos_folder):
    words = options(tmp_path, photos_folder, "init_from=scratch", "loss=srgan_vgg22", "weights.vgg19=random", "name=a",
                    "trainer.max_steps=2", "trainer.val_check_interval=2")  # fmt: skip
    run(*words)
    assert load_checkpoint(tmp_path / "runs" / "a" / "checkpoints" / "best.ckpt").label == "srgan_random_vgg19"
    assert "srgan_random_vgg19" in (tmp_path / "runs" / "a" / "results.md").read_text()
