"""tools/pack_weights.py: from a run to a file and its card."""

import hashlib
import json
import shlex

import numpy as np
import pack_weights
import pytest
import torch
from helpers import write_image
from omegaconf import OmegaConf

from srlab.config.compose import compose
from srlab.config.parse import parse
from srlab.config.schema import TrainConfig
from srlab.data.photos import photo
from srlab.methods import find_method
from srlab.methods.loading import load_checkpoint
from srlab.methods.recipe import recipe_of_model
from srlab.run_files import RunFiles
from srlab.weights.checkpoint import write_checkpoint
from srlab.weights.zoo.card import read_card

WORDS = ["experiment=reproduce/srcnn", "data.train=[t91,bsds200]", "model.network.widths=[4,2]", "trainer.max_steps=7"]
IMAGES = ("baby", "bird", "butterfly", "head", "woman")


@pytest.fixture
def run(tmp_path, monkeypatch) -> RunFiles:
    """A run of two filters, as train.py leaves it, and a Set5 of crops."""
    for number, name in enumerate(IMAGES):
        write_image(tmp_path / f"data/benchmark/Set5/HR/{name}.png", photo("astronaut")[: 64 + 4 * number, 168:232])
    monkeypatch.setenv("SRLAB_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(pack_weights, "FOLDER", tmp_path)
    monkeypatch.setattr(pack_weights, "commit", lambda: "0123abc")  # a copy without .git has none
    config, files = compose("train", [*WORDS, "name=tiny", f"data.root={tmp_path}"]), RunFiles(tmp_path / "run")
    typed = parse(config, TrainConfig)
    torch.manual_seed(0)
    method = find_method("srcnn")(typed.model.network, recipe_of_model(typed))
    write_checkpoint(files.best, "srcnn", method.hparams, method.state_dict())
    OmegaConf.save(OmegaConf.create(OmegaConf.to_container(config, resolve=True)), files.config)
    rows = [
        {"method": name, "set": "set14", "scale": 2, "psnr": 30.12345, "ssim": 0.9} for name in ("bicubic", "srcnn")
    ]
    files.results.write_text(json.dumps({"training": {"steps": 7, "seconds": 1.25}, "rows": rows}))
    return files


def test_a_run_becomes_a_file_and_a_card(run, tmp_path):
    path = pack_weights.pack(run, "reproduce/srcnn", "Tiny.", "this machine", "32-true", ["A note."])
    card, file = read_card(path), tmp_path / "tiny.safetensors"
    assert card.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert (card.model, card.scales, card.protocol, card.dtype) == ("srcnn", (2,), "classic", "float16")
    assert sorted(shlex.split(card.command)) == sorted(["python", "train.py", *WORDS])
    assert (card.training.steps, card.training.commit) == (7, "0123abc")
    assert card.notes[-1] == "A note." and "woman" in card.notes[0]
    packed = load_checkpoint(file)
    assert packed.label == "srcnn" and packed.averaged is None
    averaged = load_checkpoint(run.best).inference_network.state_dict()
    for key, value in packed.network.state_dict().items():
        assert torch.allclose(value, averaged[key], rtol=1e-3, atol=1e-6)
    row = pack_weights.measured(packed, "classic")[0]
    assert card.psnr("set5", 2) == pytest.approx(row.psnr, abs=6e-4)
    others = np.mean([row.images[name].psnr for name in IMAGES if name != "woman"])
    assert card.psnr("set5 without woman", 2) == pytest.approx(others, abs=6e-4)
    assert card.psnr("set14", 2) == pytest.approx(30.123)


@pytest.mark.parametrize("start", ["runs/srcnn_x2", "pretrained:srcnn_x2"])
def test_the_network_that_a_run_started_from_is_one_of_these(start):
    config = compose("train", ["experiment=reproduce/srcnn", f"init_from={start}"])
    assert pack_weights.command("reproduce/srcnn", config).endswith("init_from=pretrained:srcnn_x2")


def test_float16_is_taken_only_where_it_costs_nothing(run, monkeypatch):
    monkeypatch.setattr(pack_weights, "CLOSE", -1.0)
    card = read_card(pack_weights.pack(run, "reproduce/srcnn", "Tiny.", "this machine", "32-true", []))
    assert card.dtype == "float32" and card.rounding == {2: 0.0}
