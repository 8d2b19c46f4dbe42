"""A reader that leaves loses nothing, and errors are one visible line."""

import os
import subprocess
import sys

import pytest

PRINTS = """
import sys
from pathlib import Path
from srlab.console import reported, wide_console
with reported():
    for number in range(20000):
        print(f"line {number}")
    sys.stdout.flush()
    wide_console().print("[bold]table[/bold]")
    print("warning", file=sys.stderr)
    Path(sys.argv[1]).write_text("done", encoding="utf-8")
"""


def piped(words: list[str], read: int) -> tuple[bytes, bytes, int]:
    """Runs a program whose output is read for some bytes and then closed."""
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    start = process.stdout.read(read)
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    return start, errors, process.wait(300)


@pytest.mark.parametrize("read", [0, 10])
def test_work_goes_on_when_nobody_reads(tmp_path, read):
    start, errors, code = piped([sys.executable, "-c", PRINTS, str(tmp_path / "result")], read)
    assert b"line 0\nline".startswith(start) and errors == b"warning\n" and code == 0
    assert (tmp_path / "result").read_text(encoding="utf-8") == "done"


@pytest.mark.slow
@pytest.mark.parametrize("words", [["--help"], ["train", "--help"], ["mos", "--help"], ["report", "--help"]])
def test_help_into_head(words):
    """Nothing is read: the reader has left before the first line."""
    _, errors, code = piped([sys.executable, "-m", "srlab", *words], 0)
    assert (errors, code) == (b"", 0)


def test_both_streams_may_lose_their_readers(tmp_path):
    reading, writing = os.pipe()
    os.close(reading)
    words = [sys.executable, "-c", PRINTS, str(tmp_path / "result")]
    assert subprocess.run(words, stdout=writing, stderr=writing, check=False).returncode == 0
    os.close(writing)
    assert (tmp_path / "result").read_text(encoding="utf-8") == "done"


def test_what_is_printed_stays_the_same(tmp_path):
    words = [sys.executable, "-c", PRINTS, str(tmp_path / "result")]
    done = subprocess.run(words, capture_output=True, text=True, encoding="utf-8", check=True)
    assert done.stdout.splitlines() == [*(f"line {number}" for number in range(20000)), "table"]


def test_an_error_is_one_line_that_steers_no_terminal():
    program = (
        "from srlab.console import reported; from srlab.errors import SrlabError\n"
        "with reported():\n    raise SrlabError('a.ckpt: \\x1b[2J\\ud800\\nsecond [/b]')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stderr == "error: a.ckpt: \\x1b[2J\\ud800\\x0asecond [/b]\n" and done.returncode == 1
