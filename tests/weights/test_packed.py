"""Networks in one .safetensors file: what its metadata keeps, and what reads it back."""

import json

import pytest
import torch
from helpers import build, write_image
from programs import call
from safetensors import safe_open
from safetensors.torch import load_file

from srlab.commands.evaluation import evaluate_config
from srlab.config.compose import compose
from srlab.data.photos import photo
from srlab.errors import SrlabError
from srlab.inference.loading import load
from srlab.methods.loading import load_checkpoint
from srlab.networks import NETWORKS
from srlab.run_files import RunFiles
from srlab.weights.checkpoint import write_checkpoint
from srlab.weights.conversion import convert
from srlab.weights.files import write_state

SMALL = {"scale": 2, "features": 8, "blocks": 2, "residual_scale": 0.3}


@pytest.fixture
def network():
    torch.manual_seed(0)
    return NETWORKS["edsr"](**SMALL).eval()


@pytest.fixture
def checkpoint(network, tmp_path):
    state = {f"network.{key}": value for key, value in network.state_dict().items()}
    write_checkpoint(tmp_path / "a.ckpt", "edsr", {"network": SMALL, "recipe": None}, state)
    return tmp_path / "a.ckpt"


def test_a_checkpoint_in_a_folder_that_cannot_be_made(checkpoint):
    with pytest.raises(SrlabError, match=r"a\.ckpt: cannot be made \(.+\)\. Choose another OUT\.$"):
        write_checkpoint(checkpoint / "b.ckpt", "edsr", {"network": SMALL, "recipe": None}, {})


def metadata(path) -> dict[str, str]:
    with safe_open(path, framework="pt") as file:
        return file.metadata()


def test_a_residual_scale_goes_along(network, checkpoint, tmp_path):
    done = convert(checkpoint, tmp_path / "own.safetensors", "srlab")
    assert "note" not in done
    lr = torch.rand(1, 3, 12, 10)
    with torch.no_grad():
        expected = network(lr, 2)
        assert torch.equal(load_checkpoint(tmp_path / "own.safetensors").network(lr, 2), expected)
        assert torch.equal(load(str(tmp_path / "own.safetensors")).network(lr, 2), expected)
    assert json.loads(metadata(tmp_path / "own.safetensors")["srlab"])["hyper_parameters"]["network"] == SMALL
    assert load_file(tmp_path / "own.safetensors").keys() == network.state_dict().keys()  # for other programs


def test_other_files_say_that_it_is_lost(checkpoint, tmp_path):
    for name, layout in (("own.pth", "srlab"), ("own.safetensors", "basicsr")):
        assert "residual scale, which is 0.3 here" in convert(checkpoint, tmp_path / name, layout)


def test_metadata_says_in_words_what_a_person_asks_first(checkpoint, tmp_path):
    convert(checkpoint, tmp_path / "own.safetensors", "srlab")
    found = metadata(tmp_path / "own.safetensors")
    assert found["network"] == "edsr" and found["scale"] == "2" and found["format"] == "pt"
    assert found["range"] == "RGB, 0 to 1, not clamped"
    assert "residual_scale=0.3" in found["arguments"]


def test_what_nobody_knows_is_said_and_can_be_given(network, tmp_path):
    write_state(network.state_dict(), tmp_path / "bare.pth")
    done = convert(tmp_path / "bare.pth", tmp_path / "own.safetensors", "srlab")
    assert "residual_scale=1.0 is assumed" in done and "residual_scale=VALUE" in done
    done = convert(tmp_path / "bare.pth", tmp_path / "own.safetensors", "srlab", {"residual_scale": 0.3})
    assert "assumed" not in done
    lr = torch.rand(1, 3, 12, 10)
    with torch.no_grad():
        assert torch.equal(load_checkpoint(tmp_path / "own.safetensors").network(lr, 2), network(lr, 2))
    for given, words in [
        ({"features": 9}, "features=9: the weights show 8"),
        ({"residual_scal": 0.1}, "Did you mean 'residual_scale'"),
        ({"residual_scale": "a"}, "residual_scale=a: expected a number"),
    ]:
        with pytest.raises(SrlabError, match=words):
            convert(tmp_path / "bare.pth", tmp_path / "own.safetensors", "srlab", given)


def test_the_authors_large_edsr_has_its_residual_scale(tmp_path):
    write_state(NETWORKS["edsr"](scale=2, features=256, blocks=1).state_dict(), tmp_path / "bare.pth")
    convert(tmp_path / "bare.pth", tmp_path / "own.safetensors", "srlab")
    assert "residual_scale=0.1" in metadata(tmp_path / "own.safetensors")["arguments"]


def test_a_checkpoint_knows_its_arguments(checkpoint, tmp_path):
    with pytest.raises(SrlabError, match=r"residual_scale=0\.1: a.* knows its network's arguments"):
        convert(checkpoint, tmp_path / "own.safetensors", "srlab", {"residual_scale": 0.1})


def test_the_rows_and_the_terms_of_a_run_go_along(tmp_path):
    """srlab convert RUN, as a user says it."""
    run = tiny_run(tmp_path / "run")
    done = call(tmp_path, "srlab", "convert", "run", "own.safetensors", "layout=srlab")
    assert done.returncode == 0, done.stderr
    found = metadata(tmp_path / "own.safetensors")
    assert found["results"] == "set5 x2, protocol luma: PSNR 31.23 dB, SSIM 0.9012"
    assert found["training_images"] == "bsds200 (non-commercial research and education); photos (not on record)"
    assert RunFiles(run.folder).is_run


def tiny_run(folder) -> RunFiles:
    """A finished run's folder of a small EDSR, with the files that the conversion looks at."""
    method, files = build("edsr_baseline"), RunFiles(folder)
    write_checkpoint(files.best, "edsr", method.hparams, method.state_dict())
    files.config.write_text("data: {train: [bsds200, /home/me/photos], kind: folder}\n")
    row = {"set": "set5", "scale": 2, "protocol": "luma", "n": 5, "psnr": 31.2345, "ssim": 0.90123}
    rows = [{"method": "bicubic", **row, "psnr": 30.0}, {"method": "edsr_baseline", **row}]
    files.results.write_text(json.dumps({"training": {"steps": 7, "seconds": 1.5}, "rows": rows}))
    return files


def test_evaluation_needs_no_model(checkpoint, tmp_path, network):
    """evaluate.py weights=own.safetensors"""
    convert(checkpoint, tmp_path / "own.safetensors", "srlab")
    options = [f"sets=[{tmp_path / 'tiny'}]", "trainer.accelerator=cpu", f"out={tmp_path / 'out'}"]
    write_image(tmp_path / "tiny" / "a.png", photo("astronaut")[100:140, 200:248])
    row = evaluate_config(compose("evaluate", [*options, f"weights={tmp_path / 'own.safetensors'}"]))[0]
    again = evaluate_config(compose("evaluate", [*options, f"ckpt={checkpoint}"]))[0]
    assert (row.method, row.scale, row.psnr) == ("edsr", 2, again.psnr)
    write_state(network.state_dict(), tmp_path / "bare.pth")
    with pytest.raises(
        SrlabError, match=r"bare.pth: does not say which network it is of. Say model=edsr too. They look"
    ):
        evaluate_config(compose("evaluate", [*options, f"weights={tmp_path / 'bare.pth'}"]))
