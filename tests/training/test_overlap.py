"""A run that trains on images it is measured on says so, once, before it trains."""

import shutil
from dataclasses import replace

import pytest
from helpers import write_image

from srlab.config.compose import compose
from srlab.data.catalog import CATALOG
from srlab.data.synthetic import synthetic_image
from srlab.training.run import train_config


@pytest.fixture
def root(tmp_path, photos_folder, monkeypatch):
    """BSDS300 of 12 photos and B100 of 2 images."""
    for name, count in (("bsds300", 12), ("b100", 2)):
        monkeypatch.setitem(CATALOG, name, replace(CATALOG[name], count=count))
    shutil.copytree(photos_folder, tmp_path / "data/train/BSDS300")
    for i in range(2):
        write_image(tmp_path / f"data/benchmark/B100/HR/{i}.png", synthetic_image(i, 48))
    return tmp_path / "data"


def warnings(root, capsys, *words: str) -> list[str]:
    options = ["model.network.features=4", "model.network.blocks=1", "data.patch_size=8", "data.batch_size=2",
               "trainer.max_steps=1", "trainer.val_check_interval=1"]  # fmt: skip
    train_config(compose("train", [f"data.root={root}", f"runs={root / 'runs'}", "data=folder", *options, *words]))
    return [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning: ")]


@pytest.mark.parametrize("train", ["bsds300", "bsd300", "ROOT/train/BSDS300"])
def test_training_on_a_set_that_overlaps_a_benchmark(root, capsys, train):
    (line,) = warnings(root, capsys, f"data.train=[{train.replace('ROOT', str(root))}]")
    assert "bsds300 is trained on and b100 is measured" in line and "its test images are B100" in line


def test_no_warning_without_overlap(root, photos_folder, capsys):
    assert warnings(root, capsys, f"data.train=[{photos_folder}]") == []
    assert warnings(root, capsys, "data.train=[bsds300]", "sets=[sample]", "name=other") == []


def test_validation_that_overlaps(root, capsys):
    (line,) = warnings(root, capsys, "data.train=[bsds300]", "data.valid=b100", "sets=[sample]")
    assert "bsds300 is trained on and b100 is measured" in line
