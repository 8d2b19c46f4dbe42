"""The networks that come with srlab: files, cards, and every way to name them."""

import hashlib
import json
import re
import shutil
from pathlib import Path

import pytest
import torch
from helpers import CONF, ROOT, SHARED, build, needs_shared, write_image
from programs import train
from safetensors import safe_open
from safetensors.torch import load_file

from srlab.commands import verified_weights, weights
from srlab.commands.evaluation import evaluate_config
from srlab.config.compose import compose
from srlab.data.catalog import find_set
from srlab.data.evaluation_sets import evaluation_sets
from srlab.data.photos import photo
from srlab.data.synthetic import TERMS
from srlab.errors import SrlabError
from srlab.evaluation.complexity import multiply_adds, trainable_parameters
from srlab.evaluation.measure import EvaluationSettings, evaluate
from srlab.imaging.resize import imresize
from srlab.methods import find_method, interpolation
from srlab.methods.loading import load_checkpoint, load_weights, transfer
from srlab.metrics.protocol import protocol
from srlab.networks import NETWORKS, network_name
from srlab.weights import zoo
from srlab.weights.files import read_file
from srlab.weights.packed import read_packed, write_packed

NAMES = zoo.names()
LARGEST, ALL = 6e6, 40e6  # bytes
SMALL = ("srcnn_x2", "lapsrn_x2")  # which measure Set5 in seconds


def metadata(name: str) -> dict:
    with safe_open(zoo.path(name), framework="pt") as file:
        return json.loads(file.metadata()["srlab"])


def psnr_of(method, folder: Path, scale: int, rules: str) -> float:
    sets = evaluation_sets([str(folder)], folder, "bicubic", False)
    settings = EvaluationSettings(protocol(rules))
    return next(evaluate([(method.label, method)], sets, [scale], settings)).psnr


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """A crop of a photo that no network was trained on, whose sides all scales divide."""
    folder = tmp_path_factory.mktemp("photos")
    write_image(folder / "astronaut.png", photo("astronaut")[:96, 168:264])
    return folder


def test_every_file_has_a_card_and_the_other_way_round():
    files = {file.stem for file in zoo.FOLDER.glob("*.safetensors")}
    assert files == set(NAMES) and len(NAMES) > 4
    assert {file.suffix for file in zoo.FOLDER.iterdir() if file.is_file()} == {".py", ".yaml", ".safetensors"}


@pytest.mark.parametrize("name", NAMES)
def test_the_page_has_the_numbers_of_the_cards(name):
    card, page = zoo.card(name), (ROOT / "docs" / "weights.md").read_text(encoding="utf-8")
    row = next(line for line in page.splitlines() if line.startswith(f"| `{name}` |")).split(" | ")
    assert row[1] == ", ".join(f"x{scale}" for scale in card.scales)
    for column, rows in ((2, "set5"), (3, "set5 without woman")):
        printed = [float(text) for text in row[column].split(" / ")]
        # Cards have three digits, and 33.3454 is 33.345 there and 33.35 here.
        assert printed == pytest.approx([card.psnr(rows, scale) for scale in card.scales], rel=0, abs=0.0056)
    assert row[4] == card.protocol and row[5] == f"{card.bytes / 1e6:.2f} MB"


def test_sizes():
    sizes = [zoo.path(name).stat().st_size for name in NAMES]
    assert max(sizes) < LARGEST and sum(sizes) < ALL


@pytest.mark.parametrize("name", NAMES)
def test_a_card_is_of_its_file(name):
    card, file = zoo.card(name), zoo.path(name)
    assert (card.name, card.bytes) == (name, file.stat().st_size)
    assert hashlib.sha256(file.read_bytes()).hexdigest() == card.sha256
    filters = {str(value.dtype) for value in load_file(file).values() if value.dim() > 1}
    assert filters == {f"torch.{card.dtype}"}
    assert card.dtype == "float32" or max(map(abs, card.rounding.values())) <= 0.005


@pytest.mark.parametrize("name", NAMES)
def test_a_card_has_what_a_reader_needs(name):
    card = zoo.card(name)
    assert (CONF / "model" / f"{card.model}.yaml").is_file()
    experiment = re.search(r"experiment=(\S+)", card.command)[1]
    assert (CONF / "experiment" / f"{experiment}.yaml").is_file()
    terms = [TERMS if data.set == "sample" else find_set(data.set).licence for data in card.data]
    assert [data.terms for data in card.data] == terms and re.fullmatch("[0-9a-f]{7,}", card.training.commit)
    rows = {(row.set, row.scale) for row in card.results}
    assert rows == {(s, x) for s in ("set5", "set5 without woman", "set14", "b100") for x in card.scales}
    sets = [data.set for data in card.data]
    assert any("woman" in note for note in card.notes) == ("bsds200" in sets)


@pytest.mark.parametrize("name", NAMES)
def test_the_command_composes_what_the_file_says(name):
    """The recipe that the card's command gives is the one that the file holds, and so is the network."""
    card, facts = zoo.card(name), metadata(name)
    words = card.command.replace("'", "").split()[2:]
    config = compose("train", words)
    recipe = facts["hyper_parameters"]["recipe"]
    assert config.model.method == facts["srlab"]["method"] and config.model.name == recipe["name"]
    assert config.trainer.max_steps == card.training.steps == recipe["max_steps"]
    assert config.optimizer.learning_rate == recipe["optimizer"]["learning_rate"]
    assert (list(config.data.train) or [config.data.kind]) == [data.set for data in card.data]
    assert recipe["protocol"] == config.protocol.name == card.protocol


@pytest.mark.parametrize("name", NAMES)
def test_a_file_tells_nothing_of_the_machine_that_wrote_it(name):
    assert not re.search(r"/(root|home|tmp|work|mnt)\b", json.dumps(metadata(name)))


@pytest.mark.parametrize("name", NAMES)
def test_a_network_builds_strictly_and_beats_bicubic(name, photos):
    """From the file alone: the arguments in its metadata, and all of its tensors."""
    card, facts = zoo.card(name), metadata(name)
    kind = find_method(facts["srlab"]["method"])
    network = NETWORKS[network_name(kind.Network)](**facts["hyper_parameters"]["network"])
    network.load_state_dict(load_file(zoo.path(name)), strict=True)
    method, bicubic = load_checkpoint(zoo.path(name)), interpolation()
    assert all(torch.equal(value, network.state_dict()[key]) for key, value in method.network.state_dict().items())
    assert trainable_parameters(method) == card.parameters
    assert {scale: multiply_adds(method, scale) for scale in card.scales} == card.multiply_adds
    for scale in card.scales:
        gain = psnr_of(method, photos, scale, card.protocol) - psnr_of(bicubic, photos, scale, card.protocol)
        assert gain > (-1 if card.model == "srgan" else 0)  # SRGAN gives PSNR away for texture


@pytest.mark.parametrize("name", ["srgan_vgg16_53_x4", "srgan_vgg22_x4"])
def test_srgan_has_more_texture_than_the_network_that_it_started_from(name):
    lr = torch.from_numpy(imresize(photo("astronaut")[:96, 168:264], 1 / 4)).permute(2, 0, 1)[None] / 255
    gan, plain = (load_checkpoint(zoo.path(one)).upscale(lr, 4) for one in (name, "srresnet_x4"))
    assert gan.diff(dim=-1).abs().mean() > plain.diff(dim=-1).abs().mean()


@needs_shared
@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_set5_is_as_the_card_says(name, capsys):
    assert verified_weights.verify([name], SHARED / "data")
    assert capsys.readouterr().out.startswith(f"{name}: as its card says; x2 3")


def test_an_unknown_name():
    with pytest.raises(SrlabError) as refused:
        zoo.path("edsr_baseline_x5")
    message = "pretrained:edsr_baseline_x5: no network of this name comes with srlab. Did you mean 'edsr_baseline_x"
    assert str(refused.value).startswith(message)
    assert str(refused.value).endswith(f"There are {', '.join(NAMES)}.")


def test_by_model_and_scale():
    assert zoo.name_for("edsr_baseline", [3]) == "edsr_baseline_x3"
    assert zoo.name_for("vdsr", [2, 4]) == zoo.name_for("vdsr", []) == "vdsr"
    with pytest.raises(SrlabError, match=r"there are edsr_baseline_x2, .* Say weights=pretrained:edsr_baseline_x2\."):
        zoo.name_for("edsr_baseline", [])
    with pytest.raises(SrlabError, match="srlab has no trained network for model=edsr x2; it has edsr_baseline_x2"):
        zoo.name_for("edsr", [2])


def evaluated(out: Path, photos: Path, *words: str):
    return evaluate_config(compose("evaluate", [f"out={out}", f"sets=[{photos}]", "protocol=classic", *words]))


def test_evaluation_takes_them_by_name(tmp_path, photos):
    """A list by name, one by its path, and weights=pretrained for the model: the same network, the same number."""
    names = evaluated(tmp_path, photos, "ckpt=[pretrained:srcnn_x2,pretrained:lapsrn_x2]")
    assert [row.method for row in names] == ["srcnn", "lapsrn"]
    path = evaluated(tmp_path, photos, f"ckpt={zoo.path('srcnn_x2')}")
    model = evaluated(tmp_path, photos, "model=srcnn", "scale=2", "weights=pretrained")
    named = evaluated(tmp_path, photos, "model=srcnn", "scale=2", "weights=pretrained:srcnn_x2")
    assert names[0].psnr == path[0].psnr == model[0].psnr == named[0].psnr
    with pytest.raises(SrlabError, match=r"pretrained:scrnn_x2: .* Did you mean 'srcnn_x2'"):
        evaluated(tmp_path, photos, "ckpt=pretrained:scrnn_x2")


@pytest.mark.parametrize("name", NAMES)
def test_every_network_fits_the_model_of_its_card(name):
    """weights=pretrained builds the network by conf/model, and takes the file strictly."""
    card = zoo.card(name)
    method = build(card.model, small=False, scale=card.scales[0])
    load_weights(method, zoo.path(name))
    own = zoo.state(name)
    assert all(torch.equal(value, own[key]) for key, value in method.network.state_dict().items())


def test_another_scale_starts_from_them():
    method = build("edsr_baseline", small=False, scale=4)
    taken, left = transfer(method, zoo.path("edsr_baseline_x2"))
    assert len(taken) > 60 and left and all("tail" in key for key in left)
    key = next(key for key in taken if key.endswith("weight") and "body" in key)
    assert torch.equal(method.network.state_dict()[key], zoo.state("edsr_baseline_x2")[key])


@pytest.mark.slow
def test_training_starts_from_them(tmp_path):
    words = ["model=srcnn", "data=sample", "sets=[sample]", "data.sample_images=2", "data.sample_size=64",
             "trainer.max_steps=1", "trainer.accelerator=cpu", "init_from=pretrained:srcnn_x2", "name=x"]  # fmt: skip
    done = train(tmp_path, *words)
    assert done.returncode == 0, done.stderr
    assert "init_from=" in done.stdout and "took 6 tensors, left 0 as initialised" in done.stdout
    refused = train(tmp_path, *words, "init_from=pretrained:srcnn_x3", "name=y")
    assert refused.returncode == 1 and "Did you mean 'srcnn_x2'?" in refused.stderr


def test_list_and_show(capsys):
    assert weights.main(["list"]) == 0
    listed = capsys.readouterr().out
    assert [name for name in NAMES if name not in listed] == []
    assert weights.main(["show", "vdsr"]) == 0
    shown = capsys.readouterr().out
    assert "experiment=reproduce/vdsr" in shown and "non-commercial research and education" in shown
    assert "srlab evaluate ckpt=pretrained:vdsr protocol=classic" in shown


def test_verify_finds_a_changed_file_and_a_wrong_number(tmp_path, capsys, monkeypatch, photos):
    for file in zoo.FOLDER.glob("srcnn_x2.*"):
        shutil.copy(file, tmp_path)
    monkeypatch.setattr(zoo, "FOLDER", tmp_path)
    assert weights.main(["verify", f"data.root={tmp_path}"]) == 0
    assert "only the hashes are compared" in capsys.readouterr().out
    for number in range(5):
        write_image(tmp_path / "benchmark" / "Set5" / "HR" / f"{number}.png", photo("astronaut")[:64, 168:232])
    assert weights.main(["verify", "srcnn_x2", f"data.root={tmp_path}"]) == 1
    assert "and the card says 36.387" in capsys.readouterr().out
    damaged = bytearray((tmp_path / "srcnn_x2.safetensors").read_bytes())
    damaged[-1] ^= 1
    (tmp_path / "srcnn_x2.safetensors").write_bytes(damaged)
    assert weights.main(["verify", f"data.root={tmp_path}"]) == 1
    assert "is not the file of the card" in capsys.readouterr().out


def test_what_is_written_is_what_is_read(tmp_path):
    """Filters in float16; what has one dimension, or counts, as it was."""
    state = {
        "filters": torch.rand(2, 3, 3, 3),
        "bias": torch.tensor([1e5, 1 / 3]),  # float16 ends at 65,504
        "batches": torch.tensor(2**40),
    }
    facts = {"srlab": {"method": "x"}, "hyper_parameters": {"network": {}, "recipe": None}}
    write_packed(tmp_path / "half.safetensors", facts, state, half=True)
    content = read_packed(tmp_path / "half.safetensors")
    read = content.pop("state_dict")
    assert content == facts
    assert torch.equal(read["network.filters"], state["filters"].half().float())
    assert torch.equal(read["network.bias"], state["bias"]) and torch.equal(read["network.batches"], state["batches"])
    write_packed(tmp_path / "whole.safetensors", facts, state, half=False)
    whole = read_file(tmp_path / "whole.safetensors")["state_dict"]
    assert torch.equal(whole["network.filters"], state["filters"])
