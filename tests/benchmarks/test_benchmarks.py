"""Every benchmark runs, briefly, and prints the JSON or the table that its reader expects."""

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
TABLES = ["memory.py"]


def test_every_benchmark_is_run_here():
    assert {path.name for path in (ROOT / "benchmarks").glob("*.py")} == {*SHORT, *TABLES}


def output_of(name, *options):
    command = [sys.executable, str(ROOT / "benchmarks" / name), *options]
    finished = subprocess.run(command, env=environment(), capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


@pytest.mark.parametrize("name", SHORT)
def test_it_runs(name):
    options, keys = SHORT[name]
    result = json.loads(output_of(name, *options))
    assert result.keys() >= {"benchmark", "ratio", *keys}
    assert result["ratio"] > 0 and all(result[key] for key in keys)


def test_memory_prints_a_row_for_every_network():
    """fsrcnn at 320x320 keeps at least its 56 features of every pixel: 22 MiB."""
    lines = output_of("memory.py", "fsrcnn", "espcn", "--side", "320", "--device", "cpu").splitlines()
    head, rule, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    assert head == ["x2, 320x320, cpu, 32", "parameters", "peak, MiB"] and rule == ["---"] * 3
    assert [row[0] for row in rows] == ["fsrcnn", "espcn"]
    assert rows[0][1] == "12,809"
    assert float(rows[0][2]) > 20
