"""Faults that have a tool or a test of their own: started here, so that the table has them too."""

import os
import random
import re
import subprocess
import sys
from pathlib import Path

from mos_rehearsal import running

from fault_campaigns.half_open import half_open
from fault_campaigns.row import Row
from fault_campaigns.trainings import ROOT
from srlab.mos.study import open_study


def mutated_checkpoints(generator: random.Random, tries: int, folder: Path) -> Row:
    """tools/mutated_checkpoints.py"""
    return _tool("checkpoints, mutated", "mutated_checkpoints.py", tries, generator)


def mutated_images(generator: random.Random, tries: int, folder: Path) -> Row:
    """tools/mutated_images.py"""
    return _tool("images, mutated", "mutated_images.py", tries, generator)


def _tool(fault: str, name: str, tries: int, generator: random.Random) -> Row:
    command = [sys.executable, str(ROOT / "tools" / name), str(tries), str(generator.randrange(1000))]
    done = subprocess.run(command, capture_output=True, text=True, env=_environment())
    row = Row(fault, tries, note="no traceback, no hang over 5 s, memory bounded")
    row.expect(done.returncode == 0, f"{name}: {done.stdout[-2000:]}{done.stderr[-500:]}")
    return row


def malicious_files(generator: random.Random, tries: int, folder: Path) -> Row:
    """Pickles that would run something, names that would lead elsewhere, studies and configurations of strangers."""
    tests = ["tests/methods/test_loading.py", "tests/weights/test_checkpoint_schema.py",
             "tests/evaluation/test_hostile_names.py", "tests/mos/test_foreign_study.py",
             "tests/test_plain_files.py"]  # fmt: skip
    return row_of_tests("malicious files", tests, generator, r"(\d+) passed")


def random_options(generator: random.Random, tries: int, folder: Path) -> Row:
    """Any words for any option, drawn by Hypothesis."""
    return row_of_tests("random options", ["tests/config/test_any_word.py"], generator, r"(\d+) passing")


def row_of_tests(fault: str, tests: list[str], generator: random.Random, counted: str) -> Row:
    """Runs tests.

    Args:
        fault: what they try.
        tests: files, relative to the repository's root.
        generator: seeds Hypothesis.
        counted: a regular expression of a number in what pytest prints. Their sum is the number of tries.
    """
    seed = f"--hypothesis-seed={generator.randrange(1000)}"
    command = [sys.executable, "-m", "pytest", "-p", "no:xdist", seed, "--hypothesis-show-statistics", *tests]
    done = subprocess.run(command, capture_output=True, text=True, env=_environment(), cwd=ROOT)
    row = Row(fault, sum(map(int, re.findall(counted, done.stdout))), note=f"tests: {' '.join(tests)}")
    row.expect(done.returncode == 0, done.stdout[-2000:])
    row.expect(row.tries > 0, "nothing was tried")
    return row


def half_open_requests(generator: random.Random, tries: int, folder: Path) -> Row:
    """Requests to a rating server that never end, while a rater rates."""
    import requests  # noqa: PLC0415 - of the rating study alone

    sys.path.append(str(ROOT / "tests"))
    from mos_study import make_study  # noqa: PLC0415

    row = Row("half-open requests at once, ratings sent meanwhile", tries)
    study = open_study(make_study(folder / "study", raters=1, per_rater=10, repeats=0).folder)
    rater = study.raters[0]
    with running(study) as server, half_open(server.port, tries):
        for trial in rater.trials:
            rated = requests.post(f"{server.link(rater)}/ratings", json={"item": trial.id, "rating": 3}, timeout=20)
            row.expect(rated.status_code == 200, f"a rating was answered with {rated.status_code}")
    return row


def _environment() -> dict[str, str]:
    paths = [str(ROOT / name) for name in ("src", "tools", "tests")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}
