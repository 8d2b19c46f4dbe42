"""srlab hub push and srlab.load("user/name"), by the real client, against a small hub on this machine."""

import json
import subprocess

import numpy as np
import pytest
import yaml
from helpers import build, write_image
from hub_server import TOKEN, hub_server
from PIL import Image
from programs import call

import srlab
from srlab.commands.hub import TOOLS
from srlab.data.photos import photo
from srlab.run_files import RunFiles
from srlab.weights.checkpoint import write_checkpoint
from srlab.weights.hub import is_repository

hub_client = pytest.importorskip("huggingface_hub")


@pytest.fixture
def hub():
    with hub_server() as found:
        yield found


def python(address: str, folder, code: str, **more: str) -> subprocess.CompletedProcess[str]:
    """A process of its own: the client reads its variables when it is imported."""
    (folder / "program.py").write_text(code)
    own = {"HF_ENDPOINT": address, "HF_HOME": str(folder / "hf"), "HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1"}
    return call(folder, str(folder / "program.py"), **{**own, **more})


def push(address: str, folder, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    return python(
        address, folder, f"from srlab.commands.hub import main; raise SystemExit(main({['push', *words]}))", **more
    )


@pytest.fixture
def run(tmp_path) -> RunFiles:
    """A finished run of a small EDSR."""
    method, files = build("edsr_baseline"), RunFiles(tmp_path / "run")
    write_checkpoint(files.best, "edsr", method.hparams, method.state_dict())
    files.config.write_text("data: {train: [bsds200], kind: folder}\n")
    row = {"set": "set5", "scale": 2, "protocol": "luma", "n": 5, "psnr": 31.2345, "ssim": 0.90123}
    rows = [{"method": "bicubic", **row, "psnr": 30.0}, {"method": "edsr_baseline", **row}]
    files.results.write_text(json.dumps({"training": {"steps": 7, "seconds": 1.5}, "rows": rows}))
    return files


LOAD = "import srlab; srlab.load('me/demo', precision='32')('a.png').save('{}')"


def test_push_and_load_and_load_again_without_the_hub(run, hub, tmp_path):
    there, address = hub
    done = push(address, tmp_path, "run", "me/demo", "license=cc-by-4.0")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("MB) and README.md") and "me/demo: model.safetensors (" in done.stdout
    assert set(there.repositories["me/demo"]) == {"model.safetensors", "README.md"} and not there.private
    write_image(tmp_path / "a.png", photo("astronaut")[100:120, 200:224])
    done = python(address, tmp_path, LOAD.format("b.png"))
    assert done.returncode == 0, done.stderr
    local = srlab.load(run.folder, precision="32")(tmp_path / "a.png")
    assert np.array_equal(np.asarray(Image.open(tmp_path / "b.png")), np.asarray(local))
    for more in ({}, {"HF_HUB_OFFLINE": "1"}):
        there.status = 503
        done = python("http://127.0.0.1:9" if not more else address, tmp_path, LOAD.format("c.png"), **more)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "c.png").read_bytes() == (tmp_path / "b.png").read_bytes()
        (tmp_path / "c.png").unlink()


def test_the_card_is_what_the_hub_reads(run, capsys, tmp_path):
    TOOLS["card"].main([str(run.folder), "me/demo", "license=cc-by-4.0"])
    text = capsys.readouterr().out
    card = hub_client.ModelCard(text)
    assert (card.data.license, card.data.library_name, card.data.pipeline_tag) == (
        "cc-by-4.0",
        "srlab",
        "image-to-image",
    )
    found = {(r.metric_type, r.dataset_name, r.task_name): r.metric_value for r in card.data.eval_results}
    assert found == {
        ("psnr", "set5", "Super-resolution x2"): 31.2345,
        ("ssim", "set5", "Super-resolution x2"): 0.9012,
    }
    assert 'srlab.load("me/demo")' in text and "| set5 | x2 | luma | 31.23 | 0.9012 |" in text
    assert "| bsds200 | non-commercial research and education |" in text
    assert "300,000 steps" in text and str(tmp_path) not in text


def test_a_card_of_a_network_that_comes_with_srlab(capsys):
    TOOLS["card"].main(["pretrained:vdsr", "me/vdsr"])
    text = capsys.readouterr().out
    metadata = yaml.safe_load(text.split("---")[1])
    assert "license" not in metadata and "Nobody has chosen a licence" in text
    assert len(metadata["model-index"][0]["results"]) == 12
    assert 'srlab.load("me/vdsr", scale=2)' in text and "woman" in text


def test_a_private_repository_and_one_that_is_there(run, hub, tmp_path):
    there, address = hub
    assert push(address, tmp_path, "run", "me/demo", "private=true").returncode == 0
    assert there.private == ["me/demo"]
    first = there.repositories["me/demo"]["README.md"]
    done = push(address, tmp_path, "run", "me/demo", "license=mit")
    assert done.returncode == 0 and first != there.repositories["me/demo"]["README.md"]


def error_of(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1, done.stdout + done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: "), done.stderr
    return lines[0]


def test_mistakes_of_a_push_are_one_line(run, hub, tmp_path):
    there, address = hub
    assert "me/demo: the hub takes files only with a token that it knows: set HF_TOKEN" in error_of(
        push(address, tmp_path, "run", "me/demo", HF_TOKEN="")
    )
    assert "me/demo: the hub cannot be reached" in error_of(push("http://127.0.0.1:9", tmp_path, "run", "me/demo"))
    assert "demo: expected USER/NAME" in error_of(push(address, tmp_path, "run", "demo"))
    assert "nowhere.ckpt: no such file" in error_of(push(address, tmp_path, "nowhere.ckpt", "me/demo"))
    there.status = 403
    assert "me/demo: the hub refuses (403): the token has no right" in error_of(
        push(address, tmp_path, "run", "me/demo")
    )
    assert not there.repositories


def test_mistakes_of_a_load_are_one_line(hub, tmp_path):
    there, address = hub
    code = (
        "import srlab\nfrom srlab.console import reported\n"
        "with reported():\n    srlab.load('me/demo')\n"
    )  # fmt: skip
    assert "me/demo: no such file or folder, and no such repository on the hub" in error_of(
        python(address, tmp_path, code)
    )
    there.repositories["me/demo"] = {"README.md": b""}
    assert "me/demo: the repository has no model.safetensors" in error_of(python(address, tmp_path, code))
    assert "me/demo: the hub cannot be reached" in error_of(python("http://127.0.0.1:9", tmp_path, code))
    offline = error_of(python(address, tmp_path, code, HF_HUB_OFFLINE="1"))
    assert "me/demo: HF_HUB_OFFLINE is set, and it is not in the cache" in offline


def test_without_the_package_an_error_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(srlab.extras.EXTRAS, "hub", ("not_there",))
    with pytest.raises(srlab.SrlabError, match=r"me/demo: no such file or folder.*pip install 'srlab\[hub\]'"):
        srlab.load("me/demo")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("me/demo", True),
        ("me/demo-2.x_y", True),
        ("me", False),
        ("a/b/c", False),
        ("runs/edsr.ckpt", False),
        ("runs/edsr.pth", False),
        ("./demo", False),
        ("me/", False),
        ("/demo", False),
        ("me/de mo", False),
    ],
)
def test_which_text_can_name_a_repository(text, expected):
    assert is_repository(text) is expected


def test_a_folder_of_that_name_is_taken_before_the_hub(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "me" / "demo").mkdir(parents=True)
    with pytest.raises(srlab.SrlabError, match=r"me/demo: is a folder without config\.yaml"):
        srlab.load("me/demo")
