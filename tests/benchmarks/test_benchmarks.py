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
    "inference.py": (
        ["--rounds", "1", "--side", "12", "--model", "srcnn_x2"],
        ["seconds", "times_as_fast_as_plain", "percent_of_the_convolution", "convolution_gmac_per_second", "gmac"],
    ),
    "train_step.py": (
        ["--steps", "1", "--batch", "1", "--patch", "8", "model.network.blocks=2"],
        ["ours_seconds", "naive_seconds", "precision"],
    ),
}
TABLES = ["memory.py", "inference_memory.py"]


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


def test_inference_over_sizes_has_a_row_for_each_way():
    """In a process each; 80 x 120 LR pixels give 0.0384 megapixels at x2."""
    sizes = json.loads(output_of("inference.py", "--sizes", "0.0384", "--model", "srcnn_x2"))["sizes"]
    assert [(row["tiles"], row["result"]) for row in sizes] == [("auto", "240x160"), ("whole", "240x160")]
    assert all(row["seconds"] > 0 and row["peak_gb"] >= row["peak_gb_before"] > 0 for row in sizes)


def test_inference_memory_prints_the_tiles_the_peak_and_the_share():
    lines = output_of("inference_memory.py", "bicubic", "--width", "300", "--height", "200").splitlines()
    head, _, row = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    measured = dict(zip(head, row, strict=True))
    assert (measured["network"], measured["tiles, LR"], measured["computed"]) == ("bicubic", "1 x 1 of 300", "100%")
    assert 0.05 < float(measured["peak, GiB"]) < 2


def test_inference_memory_compares_its_model_with_the_process():
    """srcnn_x2 holds 64 features of four times as many pixels, twice while an activation is made of them."""
    (row,) = output_of("inference_memory.py", "srcnn_x2", "--calibrate", "--side", "100").splitlines()[2:]
    expected, taken = (float(cell) for cell in row.strip("|").split("|")[2:4])
    assert 64 * 4 * 4 * 100 * 100 / 2**20 < expected < 40 and 0 < taken < 3 * expected
