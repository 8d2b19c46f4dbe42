"""Every command of the README is run, on small data and with small networks, in the order in which it stands there."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import ROOT, write_image
from PIL import Image

from srlab.data.synthetic import synthetic_image
from srlab.methods import find_method
from srlab.weights.layouts import LAYOUTS

COMMANDS = [
    line.split("  #")[0].strip()
    for block in re.findall(r"```bash\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    for line in block.strip().splitlines()
]
SMALL_RUN = ["trainer.stop_after=2", "trainer.val_check_interval=1", "data.patch_size=8", "data.sample_images=2",
             "data.sample_size=64", "model.network.features=4", "model.network.blocks=1", "sets=[sample]"]  # fmt: skip


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Path:
    """The project's files in an empty folder, with what the commands suppose: DIV2K, benchmarks, photos, weights."""
    folder = tmp_path_factory.mktemp("clone")
    for name in ("conf", "src", "train.py", "evaluate.py", "Makefile", "constraints.txt", "pyproject.toml"):
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, folder / name)
    image = synthetic_image(0, 64)
    for number in range(801, 901):
        write_image(folder / f"data/DIV2K/DIV2K_valid_HR/{number:04d}.png", image)
    for number in range(1, 801):
        write_image(folder / f"data/DIV2K/DIV2K_train_HR/{number:04d}.png", image)
    for number in range(1, 4):
        write_image(folder / f"photos/train/{number}.png", image)
        write_image(folder / f"photos/valid/{number}.png", np.ascontiguousarray(image[::-1]))
    write_image(folder / "photo.png", image)
    Image.open(folder / "photo.png").save(folder / "photo.jpg")
    for name, count in (("Set5", 5), ("Set14", 14)):
        for number in range(count):
            write_image(folder / f"data/benchmark/{name}/HR/{number}.png", image)
    torch.save(find_method("vdsr")({}).network.state_dict(), folder / "vdsr.pt")
    edsr = find_method("edsr")({"scale": 2}).network.state_dict()
    torch.save(LAYOUTS[0].from_own(edsr), folder / "edsr_baseline_x2-1bc95232.pt")
    # `make` takes this interpreter instead of installing one: the stamp is newer than the requirements.
    (folder / ".venv/bin").mkdir(parents=True)
    (folder / ".venv/bin/python").symlink_to(sys.executable)
    (folder / ".venv/.installed").touch()
    return folder


def in_clone(clone: Path, command: list[str]) -> str:
    site_packages = os.pathsep.join(path for path in sys.path if path.endswith("site-packages"))
    environment = {**os.environ, "PYTHONPATH": f"{clone / 'src'}{os.pathsep}{site_packages}"}
    # Where `make test` runs this test, a `make` below it would count itself as nested and print its folder.
    for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
        environment.pop(name, None)
    finished = subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True, timeout=300)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_there_are_commands():
    assert COMMANDS[:2] == ["make demo", "make test"] and len(COMMANDS) > 10


@pytest.mark.parametrize("command", COMMANDS)
def test_command(clone, command):
    words = shlex.split(command)
    if command == "make test":
        assert "-m pytest" in in_clone(clone, ["make", "--dry-run", "test"])
    elif command == "make demo":
        printed = in_clone(clone, ["make", "demo", f"OPTIONS={' '.join(SMALL_RUN)}"])
        assert "comparison.png" in printed and (clone / "runs/demo/comparison.png").is_file()
    elif words[:2] == ["srlab", "upscale"]:
        smaller = [re.sub(r"^size=\d+x\d+$", "size=100x80", word) for word in words]
        assert in_clone(clone, [sys.executable, "-m", *smaller])
        assert (clone / words[3]).is_file() or len(list((clone / words[3]).rglob("*.png"))) == 6
    elif words[0] == "srlab":
        assert "written" in in_clone(clone, [sys.executable, "-m", *words])
    elif words[1] == "train.py":
        printed = in_clone(clone, [sys.executable, *words[1:], *SMALL_RUN])
        assert "step 2/2" in printed or any(word.startswith("resume=") for word in words)
    else:
        assert "results.json" in in_clone(clone, [sys.executable, *words[1:], *benchmark_words(words)])


def test_make_demo_says_where_its_picture_is(clone):
    printed = in_clone(clone, ["make", "demo", f"OPTIONS={' '.join([*SMALL_RUN, 'name=mine'])}"])
    assert printed.splitlines()[-1] == "written: runs/mine/results.json, and the picture runs/mine/comparison.png"


def benchmark_words(words: list[str]) -> list[str]:
    """Set5 alone where the command leaves the sets open."""
    return [] if any(word.startswith("sets=") for word in words) else ["sets=[set5]"]


def test_make_help_lists_every_target():
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    targets = re.search(r"\.PHONY: (.*)", (ROOT / "Makefile").read_text()).group(1).split()
    assert [target for target in targets if f"{target} " not in listed] == []
