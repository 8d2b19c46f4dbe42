"""Names from elsewhere: as text on a terminal and in a figure, and as parts of file names."""

import os
import unicodedata

import pytest
from matplotlib.figure import Figure
from rich.text import Text

from srlab.labels import file_name, in_figure, markup_free, printable

USUAL = [
    "edsr_baseline_x2",
    "EDSR+ (run 2)",
    "loss=l1, seed=3",
    "Bäcker 超解像",
    "a.b-c_d",
    "[b]bold[/b]",
    "$x$",
    "_x",
    "a\\",
]
HOSTILE = ["x/../../../ESCAPED", "..", ".", "", "/etc/passwd", "C:\\x", "a\0b", "\x1b[2J", "\ud800", "a\nb", "x" * 300,
           "é" * 300, "con", "NUL.txt", "\u202egnp.exe", " a ", "a?b*c"]  # fmt: skip


@pytest.mark.parametrize("name", [*USUAL, *HOSTILE])
def test_a_file_name_stays_in_its_folder(name, tmp_path):
    path = tmp_path / f"image_{file_name(name)}.png"
    path.write_bytes(b"")
    assert [found.name for found in tmp_path.iterdir()] == [path.name]
    assert len(os.fsencode(file_name(name))) <= 100 and file_name(name) not in ("", ".", "..")


def test_usual_names_are_file_names_already():
    for name in USUAL[:5]:
        assert file_name(name) == name


def test_different_names_are_different_files():
    assert len({file_name(name) for name in [*USUAL, *HOSTILE]}) == len(USUAL) + len(HOSTILE)
    assert file_name("x" * 300) != file_name("x" * 301) and file_name("a/b") != file_name("a_b")


@pytest.mark.parametrize("name", [*USUAL, *HOSTILE, "\\[b]", "\\\\[/b]", "[", "[[/b]]"])
def test_no_name_is_markup(name):
    assert Text.from_markup(f"[bold]{markup_free(name)}[/bold]!").plain == f"{printable(name)}!"


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_printed_is_one_visible_line(name):
    shown = printable(name)
    shown.encode("utf-8")
    assert len(shown) <= 480 and not [c for c in shown if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")]


@pytest.mark.parametrize("name", ["$\\frac{$", "$", "_hidden", "a$b$c", "\\$x$", *HOSTILE])
def test_no_name_is_mathematics(name):
    figure = Figure()
    axes = figure.subplots()
    axes.plot([1, 2], [1, 2], label=in_figure(name) or "x")
    axes.set_title(in_figure(name))
    legend = axes.legend()
    figure.canvas.draw()
    assert len(legend.get_texts()) == 1
