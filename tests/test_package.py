"""The package as others install it: a wheel with everything in it, a core without its extras, and the locked set."""

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from helpers import ROOT
from programs import environment

from srlab.config.compose import compose
from srlab.config.parse import parse
from srlab.config.schema import TrainConfig
from srlab.errors import SrlabError
from srlab.training.loggers.choose import check_logger

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCK = (ROOT / "constraints.txt").read_text(encoding="utf-8")
PINS = re.findall(
    r"^([A-Za-z0-9._-]+)(?:\[\w+\])?==([^\s;\\]+)", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.M
)


def python(*words: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """`python WORDS` in a folder."""
    command = [sys.executable, *words]
    return subprocess.run(command, cwd=folder, env=environment(**more), capture_output=True, text=True, timeout=300)


def normalised(name: str) -> str:
    """A package's name as the registry compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    done = python("-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", str(folder), str(ROOT),
                  folder=folder)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return next(folder.glob("srlab-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """The wheel in a folder of its own; what it depends on comes from this interpreter."""
    folder = tmp_path_factory.mktemp("installed")
    done = python("-m", "pip", "install", "--no-deps", "--no-index", "--target", str(folder), str(wheel), folder=folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_the_wheel_has_every_file_of_the_package_and_of_conf(wheel):
    there = {name for name in zipfile.ZipFile(wheel).namelist() if not name.startswith("srlab-")}
    sources = {Path("srlab"): ROOT / "src/srlab", Path("srlab/conf"): ROOT / "conf"}
    expected = {
        (place / path.relative_to(source)).as_posix()
        for place, source in sources.items()
        for path in source.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert there == expected


@pytest.mark.slow
def test_an_installed_srlab_evaluates_in_an_empty_folder(installed, tmp_path):
    place = {"PYTHONPATH": str(installed), "SRLAB_DATA": ""}
    where = python("-c", "import srlab.config.folder as f; print(f.__file__, f.CONF)", folder=tmp_path, **place)
    assert where.stdout.split() == [str(installed / name) for name in ("srlab/config/folder.py", "srlab/conf")]
    done = python("-m", "srlab", "evaluate", "model=bicubic", "scale=2", folder=tmp_path, **place)
    assert done.returncode == 0, done.stderr
    assert "bicubic" in done.stdout and (tmp_path / "runs/evaluation/results.json").is_file()
    program = next((installed / "bin").glob("srlab*"))
    listed = python(str(program), folder=tmp_path, **place)
    assert listed.stdout.startswith("usage: srlab COMMAND")


@pytest.mark.slow
def test_an_installed_srlab_has_its_networks(installed, tmp_path):
    done = python("-m", "srlab", "weights", "verify", folder=tmp_path, PYTHONPATH=str(installed), SRLAB_DATA="")
    assert done.returncode == 0, done.stderr
    assert len(re.findall(r"^\w+: as its card says$", done.stdout, re.M)) > 4


@pytest.mark.parametrize(
    ("module", "extra", "words", "wanted"),
    [
        ("starlette", "mos", "mos serve STUDY", "srlab mos serve"),
        ("uvicorn", "mos", "mos serve STUDY", "srlab mos serve"),
        ("sureal", "mos", "mos report STUDY", "srlab mos report"),
    ],
)  # fmt: skip
def test_a_missing_extra_is_one_line_that_says_what_to_install(module, extra, words, wanted, tmp_path):
    code = f"import sys; sys.modules['{module}'] = None; from srlab.commands.cli import main; main()"
    done = python("-c", code, *words.split(), folder=tmp_path)
    assert (done.returncode, done.stderr) == (
        1,
        f"error: {wanted}: the package {module} is not installed. Run: pip install 'srlab[{extra}]'\n",
    )


@pytest.mark.parametrize("name", ["wandb", "tensorboard"])
def test_a_logger_that_is_not_installed(name, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(SrlabError) as refused:
        check_logger(parse(compose("train", [f"logger={name}"]), TrainConfig))
    assert str(refused.value) == (
        f"logger={name}: the package {name} is not installed. Run: pip install 'srlab[{name}]'"
    )


@pytest.mark.parametrize(
    "words",
    ["-m hydra/sweeper=optuna seed=1,2", "sweep=learning_rate", "-m hydra/launcher=submitit_slurm seed=1,2"],
)
def test_a_missing_plugin_of_hydra_is_one_line_too(words, tmp_path):
    """Hydra finds its plugins in the namespace package hydra_plugins, which is emptied here."""
    code = "import hydra_plugins; hydra_plugins.__path__ = []; from srlab.commands.cli import main; main()"
    done = python("-c", code, "train", *words.split(), folder=tmp_path)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert re.fullmatch(r"error: hydra/\w+=\w+: .* Run: pip install 'srlab\[sweep\]'\n", done.stderr)


@pytest.mark.slow
def test_the_core_imports_nothing_of_the_extras():
    """What training, evaluation and their commands import at the top level, with every extra absent."""
    absent = ["wandb", "tensorboard", "starlette", "uvicorn", "sureal", "optuna", "submitit", "numba"]
    modules = ["srlab.training.run", "srlab.commands.evaluation", "srlab.sweeps.report", "srlab.mos.static"]
    code = f"import sys; sys.modules.update(dict.fromkeys({absent})); import {', '.join(modules)}"
    done = python("-c", code, folder=ROOT)
    assert done.returncode == 0, done.stderr


def test_every_dependency_is_pinned_and_every_pin_is_locked():
    extras = [name for names in PROJECT["optional-dependencies"].values() for name in names]
    ranges = [line for line in PROJECT["dependencies"] + extras if not line.startswith("srlab[")]
    direct = {normalised(re.split(r"[<>=\[]", line)[0]) for line in ranges}
    assert direct == {normalised(name) for name, _ in PINS}
    locked = {normalised(name): version for name, version in re.findall(r"^(\S+)==(\S+)", LOCK, re.M)}
    assert {name: locked.get(normalised(name)) for name, _ in PINS} == dict(PINS)


def test_the_lock_has_hashes_and_names_no_host():
    entries = re.split(r"\n(?=[a-z0-9])", LOCK.partition("\n\n")[0] if LOCK.startswith("\n") else LOCK)
    packages = [entry for entry in entries if re.match(r"[a-z0-9]", entry)]
    assert len(packages) > 100 and all("--hash=sha256:" in entry for entry in packages)
    assert not re.search(r"://|--(extra-)?index-url|--find-links", LOCK)


def test_the_workflow_runs_what_a_developer_runs():
    workflow = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    minors = re.search(r"python: \[(.*)\]", workflow)[1].replace('"', "").split(", ")
    classifiers = [line.rpartition(" ")[2] for line in PROJECT["classifiers"] if ":: Python :: 3." in line]
    assert minors == classifiers and "run: bash .ci/run" in workflow
    assert os.access(ROOT / ".ci/run", os.X_OK)


def test_one_version_everywhere():
    from srlab import __version__

    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"\nversion: {__version__}\n" in citation
    assert f"## [{__version__.partition('.dev')[0]}]" in changes
