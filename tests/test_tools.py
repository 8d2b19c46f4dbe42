"""The scripts in tools/, each run as a person runs it."""

import os
import random
import re
import shutil
import subprocess
import sys

import pytest
import torch
from changed_tests import changed_since, needed
from fault_campaigns.others import row_of_tests
from fault_campaigns.trainings import differences
from helpers import ROOT
from mos_study import make_study
from programs import environment

from srlab.run_files import RunFiles


def tool(name: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "tools" / name), *words]
    return subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=300)


def test_the_dashboard_needs_its_package():
    code = "import sys; sys.modules['wandb_workspaces'] = None; import runpy; runpy.run_path(sys.argv[1])"
    command = [sys.executable, "-c", code, str(ROOT / "tools" / "wandb_workspace.py")]
    finished = subprocess.run(command, capture_output=True, text=True)
    assert finished.returncode == 1
    assert finished.stderr == (
        "error: the package wandb-workspaces is not installed. Run: pip install wandb-workspaces\n"
    )


@pytest.mark.slow
def test_a_rehearsal_of_a_rating_study(tmp_path):
    """Two raters over HTTP and one kill of the server, which may cost an acknowledgement, but no rating."""
    study = make_study(tmp_path, raters=2, per_rater=5, repeats=1)
    done = tool("mos_rehearsal.py", str(study.folder), "--kills", "1", "--browsers", "0")
    assert done.returncode == 0, done.stderr
    planned = sum(len(rater.trials) for rater in study.raters)
    said = re.search(r"the server was killed 1 times; all (\d+) acknowledged ratings are there", done.stdout)
    assert planned - 2 <= int(said[1]) <= planned
    assert (tmp_path / "study_rehearsal/report/report.md").is_file()


def test_a_rehearsal_needs_a_study(tmp_path):
    done = tool("mos_rehearsal.py", str(tmp_path))
    assert done.returncode == 1 and done.stderr.startswith("error: ") and done.stderr.count("\n") == 1


def test_the_documents_of_the_options_are_written(tmp_path):
    """Beside a copy of the tool, as it writes into the repository that it stands in."""
    for name in ("tools", "docs", "conf"):
        (tmp_path / name).mkdir()
    copy = shutil.copy(ROOT / "tools/write_option_docs.py", tmp_path / "tools")
    done = tool(str(copy))
    assert done.returncode == 0, done.stderr
    for name in ("docs/options.md", "conf/schema.json"):
        assert (tmp_path / name).read_bytes() == (ROOT / name).read_bytes()


@pytest.mark.slow
def test_a_campaign_of_faults():
    done = tool("faults.py", "--only", "two_evaluations", "--share", "0.1")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^\| races: two evaluations into one folder \| 1 \| nothing \| \d+ \|$", done.stdout, re.M)
    unknown = tool("faults.py", "--only", "kills,floods")
    assert unknown.returncode == 2 and "floods: expected some of kills" in unknown.stderr


def test_a_campaign_sees_what_was_lost(tmp_path):
    """Its comparison, with two runs of which one has lost a step, a weight or all."""
    runs = [RunFiles(tmp_path / name) for name in ("whole", "other")]
    state = {"global_step": 3, "state_dict": {"w": torch.ones(2)}, "optimizer_states": [{}], "lr_schedulers": []}
    for files in runs:
        files.checkpoints.mkdir(parents=True)
        files.metrics_log.write_text("step,loss\n0,1.0\n1,0.5\n")
        for path in (files.last, files.best):
            torch.save(state, path)
    assert differences(*runs) == []
    runs[1].metrics_log.write_text("step,loss\n0,1.0\n")
    torch.save({**state, "state_dict": {"w": torch.tensor([1.0, 1.5])}}, runs[1].last)
    runs[1].best.unlink()
    assert differences(*runs) == ["last.ckpt: state_dict differs", "best.ckpt is missing", "metrics.csv differs"]


def test_every_tool_is_tested():
    text = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "tests").rglob("test_*.py"))
    assert [path.name for path in (ROOT / "tools").glob("*.py") if path.stem not in text] == []


@pytest.mark.parametrize(
    ("changed", "tests"),
    [
        ([], ["tests/test_floors.py"]),
        (["docs/mos.md", "README.md"], ["tests/test_floors.py"]),
        (["src/srlab/mos/report.py", "src/srlab/mos/page.py"], ["tests/mos", "tests/test_floors.py"]),
        (["tests/mos/test_plan.py"], ["tests/mos/test_plan.py", "tests/test_floors.py"]),
        (["tests/mos/conftest.py"], ["tests/mos", "tests/test_floors.py"]),
        (["src/srlab/mos/report.py", "src/srlab/errors.py"], ["tests"]),
        (["tests/helpers.py"], ["tests"]),
        (["src/srlab/of_the_past/report.py", "tests/test_that_was_removed.py"], ["tests/test_floors.py"]),
        (["tools/mos_rehearsal.py"], ["tests/test_floors.py", "tests/test_tools.py"]),
    ],
)
def test_the_tests_that_a_change_needs(changed, tests):
    assert needed(changed) == tests


def test_what_has_changed_is_read_from_git(tmp_path, monkeypatch):
    def git(*words):
        person = {
            "GIT_AUTHOR_NAME": "a",
            "GIT_AUTHOR_EMAIL": "a",
            "GIT_COMMITTER_NAME": "a",
            "GIT_COMMITTER_EMAIL": "a",
        }
        subprocess.run(["git", *words], cwd=tmp_path, env={**os.environ, **person}, check=True, capture_output=True)

    git("init", "--initial-branch=main")
    for name in ("kept.py", "edited.py", "staged.py"):
        (tmp_path / name).write_text("1\n")
    git("add", ".")
    git("commit", "-m", "first")
    for name in ("edited.py", "staged.py", "new.py"):
        (tmp_path / name).write_text("2\n")
    git("add", "staged.py")
    monkeypatch.setattr("changed_tests.ROOT", tmp_path)
    assert sorted(changed_since("HEAD")) == ["edited.py", "new.py", "staged.py"]
    git("commit", "-m", "second")
    assert sorted(changed_since("HEAD")) == ["edited.py", "new.py"]
    assert sorted(changed_since("HEAD~1")) == ["edited.py", "new.py", "staged.py"]


def test_the_licences_of_what_is_installed(tmp_path):
    lines = tool("list_licences.py").stdout.splitlines()
    stated = {parts[1].strip(): parts[2].strip() for line in lines if len(parts := line.split("|")) == 5}
    assert "BSD-3-Clause" in stated["torch"] and "BSD" in stated["omegaconf"] and "MIT" in stated["rich"]
    assert "srlab" not in stated and "pillow_jxl_plugin" not in stated
    assert "| torch |" in (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("counted", "tries", "problems"),
    [(r"(\d+) passing", 450, []), (r"(\d+) none of these", 0, ["nothing was tried"])],
)
def test_a_campaign_counts_what_its_tests_tried(counted, tries, problems):
    row = row_of_tests("options", ["tests/config/test_any_word.py"], random.Random(0), counted)
    assert row.problems == problems
    assert row.tries >= tries


@pytest.mark.slow
def test_the_corpus_of_a_version_is_written(tmp_path):
    """Two short trainings; tests/training/test_corpus.py goes on with what an earlier version wrote so."""
    done = tool("checkpoint_corpus.py", str(tmp_path / "now"), "vdsr")
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "now" / "vdsr"
    assert sorted(path.name for path in folder.iterdir()) == ["config.yaml", "end.json", "last.ckpt"]
    checkpoint = torch.load(folder / "last.ckpt", weights_only=True)
    assert checkpoint["global_step"] == 3
    assert "/stopped/vdsr" not in str({key: value for key, value in checkpoint.items() if key != "state_dict"})
    assert "runs: runs\n" in (folder / "config.yaml").read_text(encoding="utf-8")
    assert tool("checkpoint_corpus.py", str(tmp_path / "now"), "none_such").returncode == 1
