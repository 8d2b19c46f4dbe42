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
    assert_same(norms(files.last), json.loads((run / "end.json").read_text(encoding="utf-8")))


def assert_same(found: dict[str, float], expected: dict[str, float]) -> None:
    """Compares norms by tensor, as closely as another processor computes them.

    The gradient of a bias before BatchNorm is 0 but for rounding, which Adam turns into whole steps: such biases, and
    the running means that contain them, differ from one processor to the next.
    """
    assert found.keys() == expected.keys()
    weights = {key for key in expected if key.endswith(".weight")}
    for keys, tolerance in ((weights, {"rel": 1e-4}), (expected.keys() - weights, {"rel": 1e-2, "abs": 1e-3})):
        wanted = {key: expected[key] for key in keys}
        assert {key: found[key] for key in keys} == pytest.approx(wanted, **tolerance)
