"""Runs that every earlier version of srlab began: they load, go on, and end as they would have ended there."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from checkpoint_corpus import norms

from srlab.commands.resumed_run import resumed_config
from srlab.inference.loading import load
from srlab.run_files import RunFiles
from srlab.training.run import train_config

CORPUS = Path(__file__).parents[1] / "corpus"
RUNS = sorted(path.parent for path in CORPUS.glob("*/*/last.ckpt"))
EXPECTED = 6 * 1  # kinds of methods, versions


def ids(run: Path) -> str:
    return f"{run.parent.name}-{run.name}"


def test_the_corpus_is_there():
    assert len(RUNS) >= EXPECTED


@pytest.mark.parametrize("run", RUNS, ids=ids)
def test_its_network_enlarges_an_image(run):
    network = load(str(run / "last.ckpt"))
    scale = (network.scales or (2,))[0]
    sr = network.tensor(torch.rand(1, 3, 12, 16), scale)
    assert sr.shape == (1, 3, 12 * scale, 16 * scale)


@pytest.mark.parametrize("run", RUNS, ids=ids)
def test_it_goes_on_to_the_same_end(run, tmp_path):
    files = RunFiles(tmp_path / run.name)
    files.checkpoints.mkdir(parents=True)
    shutil.copy(run / "config.yaml", files.config)
    for checkpoint in (files.last, files.best):
        shutil.copy(run / "last.ckpt", checkpoint)
    config = resumed_config("train", [f"resume={files.folder}", "trainer.stop_after=null"], multirun=False)
    train_config(config)
    assert torch.load(files.last, weights_only=True)["global_step"] == 6  # it stopped after 3
    assert norms(files.last) == pytest.approx(json.loads((run / "end.json").read_text(encoding="utf-8")), rel=1e-4)
