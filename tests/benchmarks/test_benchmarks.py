"""Every benchmark runs, briefly, and prints the JSON that its reader expects."""

import json
import subprocess
import sys

import pytest
from helpers import ROOT
from programs import environment

# The options that make each one short, and what it prints.
SHORT = {
    "loader.py": (["--seconds", "0.1", "--images", "1"], ["ours_patches_per_second", "naive_patches_per_second"]),
    "train_step.py": (["--steps", "1", "--batch", "1", "--patch", "8"], ["ours_seconds", "naive_seconds", "precision"]),
}


def test_every_benchmark_is_run_here():
    assert {path.name for path in (ROOT / "benchmarks").glob("*.py")} == SHORT.keys()


@pytest.mark.parametrize("name", SHORT)
def test_it_runs(name):
    options, keys = SHORT[name]
    command = [sys.executable, str(ROOT / "benchmarks" / name), *options]
    finished = subprocess.run(command, env=environment(), capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    result = json.loads(finished.stdout)
    assert result.keys() >= {"benchmark", "ratio", *keys}
    assert result["ratio"] > 0 and all(result[key] for key in keys)
