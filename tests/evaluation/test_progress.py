"""What an evaluation says of its progress: lines where there is no terminal, a bar where there is one."""

import io
import sys

import numpy as np

from srlab.data.image_sets import ImageSet, Picture
from srlab.evaluation.measure import EvaluationSettings, evaluate
from srlab.evaluation.progress import ProgressLines, progress_shown
from srlab.methods import interpolation
from srlab.metrics.protocol import protocol


def test_at_most_one_line_in_ten_seconds_and_none_at_first():
    now, out = [0.0], io.StringIO()
    show = ProgressLines(out, lambda: now[0])
    for done, now[0] in ((1, 4.0), (2, 9.9), (3, 11.0), (4, 20.0), (5, 21.5)):
        show("b100 x2", done, 100, "edsr_baseline")
    assert out.getvalue() == "evaluating b100 x2 3/100, edsr_baseline\nevaluating b100 x2 5/100, edsr_baseline\n"


def test_a_short_evaluation_prints_nothing_without_a_terminal(capsys):
    with progress_shown() as show:
        show("set5 x2", 1, 5, "bicubic")
    assert capsys.readouterr() == ("", "")


def test_a_bar_on_a_terminal(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    with progress_shown() as show:
        show("set5 x2", 2, 5, "a [/b]")
    assert "evaluating set5 x2, a [/b]" in sys.stderr.getvalue() and "2/5" in sys.stderr.getvalue()


def test_every_image_is_told():
    image = np.zeros((40, 40, 3), np.uint8)
    seen = []
    settings = EvaluationSettings(protocol("luma"), progress=lambda *words: seen.append(words))
    pictures = tuple(Picture(name, lambda: image) for name in "ab")
    rows = list(evaluate([("bicubic", interpolation())], [ImageSet("two", pictures)], [2, 3], settings))
    assert [row.n for row in rows] == [2, 2]
    assert seen == [(f"two x{scale}", done, 2, "bicubic") for scale in (2, 3) for done in (1, 2)]
