"""best.ckpt by any metric of validation: which one it is, and in which direction."""

import pytest

from srlab.config.compose import compose
from srlab.errors import SrlabError
from srlab.training.loggers.csv_log import read_rows
from srlab.training.run import train_config
from srlab.weights.checkpoint import step_of

WORDS = ["model=edsr_baseline", "data=sample", "model.network.features=4", "model.network.blocks=1", "sets=[sample]",
         "data.sample_images=4", "data.sample_size=64", "data.patch_size=8", "data.batch_size=4", "seed=1",
         "trainer.max_steps=6", "trainer.val_check_interval=1", "trainer.accelerator=cpu", "logger=csv",
         "optimizer.learning_rate=0.02", "trainer.progress_bar=false", "data.valid_images=1"]  # fmt: skip


def train(folder, *words: str) -> dict[str, float]:
    return train_config(compose("train", [*WORDS, f"runs={folder}", "name=a", *words]))


@pytest.mark.filterwarnings("ignore:weights.alexnet=random")
@pytest.mark.parametrize(
    ("monitor", "words", "chosen"),
    [
        ("val/ssim", ["metrics=[psnr,ssim]"], max),
        ("val/lpips_random", ["metrics=[psnr,lpips]", "weights.alexnet=random"], min),
    ],
)
def test_the_best_checkpoint_is_that_of_the_monitored_metric(tmp_path, monitor, words, chosen):
    found = train(tmp_path, f"trainer.monitor={monitor}", *words)
    rows = {int(row["step"]) + 1: row for row in read_rows(tmp_path / "a" / "metrics.csv") if row.get("val/psnr")}
    values = {step: float(row[monitor]) for step, row in rows.items()}
    assert len(values) == 6
    best = chosen(values, key=lambda step: values[step])
    assert step_of(tmp_path / "a" / "checkpoints" / "best.ckpt") == best
    assert found[monitor] == pytest.approx(values[best], rel=1e-4)
    assert found["val/psnr"] == pytest.approx(float(rows[best]["val/psnr"]), abs=1e-3)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["trainer.monitor=val/ssim"], r"trainer\.monitor=val/ssim: expected one of auto, val/psnr, step; metrics="),
        (["metrics=[psnr,sim]"], "metrics=sim: expected psnr, ssim, .*Did you mean 'ssim'"),
        (["weights.alexnet=random"], r"weights\.alexnet: no metric that was asked for needs it"),
    ],
)
def test_what_validation_does_not_measure(tmp_path, words, message):
    with pytest.raises(SrlabError, match=message):
        train(tmp_path, *words)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.filterwarnings("ignore:weights.vgg16=random")
def test_weights_of_a_network_that_the_loss_alone_uses(tmp_path):
    loss = ["loss.perceptual.weight=1", "loss.perceptual.network=vgg16", "loss.perceptual.layer=conv1_2"]
    train(tmp_path, *loss, "weights.vgg16=random", "trainer.max_steps=1")
    with pytest.raises(SrlabError, match=r"weights\.vgg16: no metric"):
        train(tmp_path, "weights.vgg16=random", "name=b")
