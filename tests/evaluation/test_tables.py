"""The table of results: on 80 columns, with notes, with names that look like markup, and in LaTeX."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from srlab.evaluation.measure import ResultRow
from srlab.evaluation.tables import print_table, result_table
from srlab.metrics.metric import PSNR, SSIM, Metric, Quality

LPIPS = Metric("lpips", "LPIPS", "lower", 4)
Y_ONLY = "Y by the method, Cb and Cr bicubic"
ROW = ResultRow(
    method="edsr_baseline+", scale=2, set="urban100", protocol="luma", seconds=10.0, parameters=1369859,
    multiply_adds=10**9, input="", published={"psnr": 32.0, "ssim": 0.92}, images={"a": Quality(psnr=31.9, ssim=0.9)},
    metrics=(PSNR.metric, SSIM.metric), timed_on="CPU, 2 threads, precision 32",
)  # fmt: skip


def printed(rows: list[ResultRow], width: int = 80) -> list[str]:
    out = io.StringIO()
    print_table(rows, "protocol luma", Console(file=out, width=width))
    return out.getvalue().splitlines()


def test_80_columns_hold_the_whole_table():
    lines = printed([ROW, replace(ROW, method="vdsr", input=Y_ONLY)])
    assert max(map(len, lines)) <= 80
    assert lines[1].split() == ["set", "scale", "method", "PSNR", "SSIM", "published", "diff", "s/image"]
    values = "31.90  0.9000  32.00 / 0.9200  -0.10   10.000"
    assert lines[3] == f"urban100     x2  edsr_baseline+  {values}"
    assert lines[4] == f"urban100     x2  vdsr¹           {values}"
    assert lines[5:] == [f"¹ {Y_ONLY}", "s/image: CPU, 2 threads, precision 32", "images: urban100 1"]


def test_names_stay_whole_where_80_columns_are_too_few():
    more = Quality(psnr=31.9, ssim=0.9, lpips=0.2)
    row = replace(ROW, method="srresnet-srgan_0.8 (best)", images={"a": more}, metrics=(*ROW.metrics, LPIPS))
    lines = printed([row])
    assert max(map(len, lines)) <= 80 and any("srresnet-srgan_0.8 (best)" in line for line in lines)


@pytest.mark.parametrize("name", ["[/b]", "[red]x", "a[1]", "C:\\[b]"])
def test_names_are_no_markup(name):
    lines = printed([replace(ROW, method=name, set=name)])
    assert lines[3].split()[:3] == [name, "x2", name]


def test_every_note_is_said_once():
    rows = [replace(ROW, input=text) for text in ("", Y_ONLY, "one channel replicated to RGB", Y_ONLY)]
    table = result_table(rows)
    assert [line[2] for line in table.rows] == [f"edsr_baseline+{mark}" for mark in ("", "¹", "²", "¹")]
    assert table.notes[:2] == [f"¹ {Y_ONLY}", "² one channel replicated to RGB"]
    assert f"\n¹ {Y_ONLY}\n" in table.markdown()


def test_a_rule_between_sets_and_scales_of_several_methods():
    other = replace(ROW, scale=4)
    assert list(result_table([ROW, ROW, other, other]).sections) == [2]
    assert list(result_table([ROW, other]).sections) == []


def test_latex():
    text = result_table([replace(ROW, input=Y_ONLY, method="a_b")]).latex()
    assert r"a\_b\textsuperscript{1} & 31.90 & 0.9000 & 32.00 / 0.9200 & $-$0.10" in text
    assert rf"\multicolumn{{10}}{{l}}{{\footnotesize \textsuperscript{{1}} {Y_ONLY}}} \\" in text
    assert text.index(r"\bottomrule") < text.index(r"\multicolumn") < text.index(r"\end{tabular}")
