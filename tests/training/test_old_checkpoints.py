"""A run that an earlier version of srlab began goes on where it stopped, with the same weights at its end."""

import json
from pathlib import Path

import torch

from srlab.config.compose import compose
from srlab.training.run import train_config

WORDS = ["model=edsr_baseline", "data=sample", "model.network.features=4", "model.network.blocks=1", "sets=[sample]",
         "data.sample_images=4", "data.sample_size=64", "data.patch_size=8", "data.batch_size=4", "name=a", "seed=1",
         "trainer.max_steps=6", "trainer.val_check_interval=3", "trainer.accelerator=cpu",
         "data.valid_images=1"]  # fmt: skip
OLD_NAMES = {"perceptual": "content", "style": "texture"}


def train(folder: Path, *words: str) -> None:
    train_config(compose("train", [*WORDS, f"runs={folder}", *words]))


def as_an_earlier_version_wrote_it(path: Path, seconds: float, best: float) -> None:
    """Renames what has another name today: loss terms, and the callback that counts seconds and the best PSNR."""
    content = torch.load(path, weights_only=True)
    recipe = content["hyper_parameters"]["recipe"]
    recipe["loss"] = {OLD_NAMES.get(term, term): options for term, options in recipe["loss"].items()}
    callbacks = content["callbacks"]
    del callbacks[next(key for key, state in callbacks.items() if "psnr_of_best" in state)]
    callbacks["Report"] = {"best": best, "latest": 20.0, "seconds": seconds}
    torch.save(content, path)


def test_an_earlier_run_goes_on(tmp_path, capsys):
    train(tmp_path / "whole")
    train(tmp_path / "old", "trainer.stop_after=3")
    (tmp_path / "old" / "a" / "results.json").unlink()
    for name in ("best", "last"):
        as_an_earlier_version_wrote_it(tmp_path / "old" / "a" / "checkpoints" / f"{name}.ckpt", 1000.0, best=60.0)
    capsys.readouterr()
    train(tmp_path / "old", "resume=auto")
    assert "(best 60.00)" in capsys.readouterr().out
    assert json.loads((tmp_path / "old" / "a" / "results.json").read_text())["training"]["seconds"] > 1000
    whole, old = (
        torch.load(tmp_path / name / "a" / "checkpoints" / "last.ckpt", weights_only=True) for name in ("whole", "old")
    )
    assert all(torch.equal(old["state_dict"][key], value) for key, value in whole["state_dict"].items())
