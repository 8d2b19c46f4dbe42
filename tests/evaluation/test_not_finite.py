"""Results with images that equal their references, or with NaN: means, tables, files, and what reads the files."""

import csv
import io
import json
from dataclasses import replace
from math import inf, isnan, nan

import pytest

from srlab.evaluation.about_checkpoint import about_checkpoint
from srlab.evaluation.measure import ResultRow
from srlab.evaluation.model_card import _metadata
from srlab.evaluation.results import read_json
from srlab.evaluation.tables import comma_separated, result_table, write_results
from srlab.metrics.metric import PSNR, SSIM, Quality
from srlab.weights.about import About, Row

LEFT_OUT = "PSNR: infinite for 1 of 3 images, which the mean leaves out"


def row_of(*psnr: float, ssim: float = 0.9, **more) -> ResultRow:
    row = ResultRow(
        method="edsr", scale=2, set="set5", protocol="luma", seconds=1.0, parameters=1, multiply_adds=1, input="",
        published={"psnr": 32.0, "ssim": 0.92}, metrics=(PSNR.metric, SSIM.metric), timed_on="CPU",
        images={f"image{i}": Quality(psnr=value, ssim=ssim) for i, value in enumerate(psnr)},
    )  # fmt: skip
    return replace(row, **more)


MIXED, COPY, FAULT = row_of(30.0, inf, 31.0), row_of(inf, inf, inf), row_of(30.0, nan, 31.0)


def test_means():
    assert (MIXED.psnr, MIXED.left_out, COPY.psnr, COPY.left_out) == (30.5, {"psnr": 1}, inf, {"psnr": 3})
    assert isnan(FAULT.psnr) and FAULT.left_out == {} and FAULT.ssim == pytest.approx(0.9)


def test_the_table_says_beside_a_mean_what_it_leaves_out():
    table = result_table([row_of(30.0), replace(MIXED, input="one channel"), COPY, FAULT])
    method, psnr, difference = (list(table.columns).index(name) for name in ("method", "PSNR", "difference"))
    assert [line[method] for line in table.rows] == ["edsr", "edsr¹", "edsr", "edsr"]
    assert [line[psnr] for line in table.rows] == ["30.00", "30.50²", "inf³", "nan⁴"]
    assert [line[difference] for line in table.rows] == ["-2.00", "-1.50", "", ""]
    assert list(table.notes[:4]) == [
        "¹ one channel", f"² {LEFT_OUT}", "³ PSNR: infinite for all 3 images",
        "⁴ PSNR: not a number for 1 of 3 images",
    ]  # fmt: skip
    assert f"\n² {LEFT_OUT}\n" in table.markdown() and r"30.50\textsuperscript{2}" in table.latex()


def test_csv():
    lines = list(csv.DictReader(io.StringIO(comma_separated([row_of(30.0), MIXED, COPY, FAULT]))))
    assert [line["psnr"] for line in lines] == ["30.0", "30.5", "inf", "nan"]
    assert [line["psnr_left_out"] for line in lines] == ["0", "1", "3", "0"]
    assert [line["difference"] for line in lines] == ["-2.0", "-1.5", "", ""]
    assert "left_out" not in comma_separated([row_of(30.0), FAULT])


def test_results_json(tmp_path):
    def strict(name: str) -> None:
        raise AssertionError(f"JSON has no {name}")

    write_results([MIXED, COPY, FAULT, row_of(30.0)], tmp_path)
    json.loads((tmp_path / "results.json").read_text(), parse_constant=strict)
    mixed, copy, fault, plain = read_json(tmp_path / "results.json")["rows"]
    assert (mixed["psnr"], mixed["left_out"], mixed["images"]["image1"]["psnr"]) == (30.5, {"psnr": 1}, None)
    assert (copy["psnr"], fault["psnr"], fault["images"]["image1"]["psnr"]) == (None, "nan", "nan")
    assert "left_out" not in plain and plain["psnr"] == 30.0


def test_what_is_known_of_a_run_keeps_them(tmp_path):
    write_results([MIXED, COPY, replace(FAULT, scale=4)], tmp_path)
    about = about_checkpoint(tmp_path / "checkpoints" / "best.ckpt")
    assert about is not None and [str(row.psnr) for row in about.rows] == ["30.5", "inf", "nan"]
    again = About.of_plain(json.loads(json.dumps(about.plain(), allow_nan=False)))
    assert str(again) == str(about) and "PSNR inf dB" in again.words()["results"]
    listed = _metadata("me/net", "net", about)["model-index"][0]["results"]
    assert [[metric["type"] for metric in one["metrics"]] for one in listed] == [["psnr", "ssim"], ["ssim"], ["ssim"]]


def test_what_earlier_versions_wrote_into_weights_is_read():
    rows = [{"set": "set5", "scale": 2, "protocol": "luma", "psnr": None, "ssim": None}]
    assert About.of_plain({"rows": rows}).rows == (Row("set5", 2, "luma", inf, None),)
