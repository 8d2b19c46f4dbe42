"""`srlab mos report`, and a whole study from the export to the report."""

import csv
import math
from dataclasses import replace

import numpy as np
import pytest
from mos_rehearsal import CHROMIUM, DRIVER, rehearse
from mos_study import METHODS, QUALITY, make_study
from PIL import Image

from srlab.commands.mos import main
from srlab.errors import SrlabError
from srlab.mos.analysis import analyse
from srlab.mos.figures import draw_panels, paper_panel, score_panels
from srlab.mos.observations import observations
from srlab.mos.paper import published_mos, published_scores
from srlab.mos.ratings import Rating, Ratings
from srlab.mos.report import report, write_report


def fill(study, skip=()):
    """Raters 1, 2, ... of falling bias; rater 2 gives 3 to everything. `skip`: numbers that rate nothing."""
    generator = np.random.default_rng(0)
    ratings = Ratings(study)
    for rater in study.raters:
        for trial in rater.trials if rater.number not in skip else ():
            item = study.items[trial.item]
            quality = item.expected or QUALITY[item.method] + 0.5 - 0.2 * rater.number
            rating = 3 if rater.number == 2 else int(np.clip(np.rint(quality + generator.normal(0, 0.3)), 1, 5))
            ratings.add(Rating(rater.number, trial.id, rating, "2026-01-01T00:00:00.000+00:00"))
    ratings.close()


def table(path):
    return list(csv.DictReader(path.open()))


@pytest.fixture(scope="module")
def reported(tmp_path_factory):
    study = make_study(tmp_path_factory.mktemp("report"), raters=6)
    fill(study, skip=[6])
    return study, write_report(study.folder)


def test_scores_join_quality(reported):
    study, out = reported
    rows = table(out / "mos.csv")
    assert [row["method"] for row in rows] == [method for method in study.methods if method in METHODS]
    results = {row["method"]: row for row in study.results}
    for row in rows:
        assert float(row["low"]) <= float(row["mos"]) <= float(row["high"]) and row["ratings"] == "25"
        assert float(row["screened_low"]) <= float(row["screened_mos"]) and row["corrected_mos"] and row["lpips"] == ""
        assert math.fsum(float(row[f"share_{grade}"]) for grade in range(1, 6)) == pytest.approx(1)
        if row["method"] != "HR":
            assert float(row["psnr"]) == results[row["method"]]["psnr"]
    by_method = {row["method"]: row for row in rows}
    assert by_method["HR"]["psnr"] == "inf" and float(by_method["HR"]["ssim"]) == 1
    own = [row for row in table(out / "ratings.csv") if row["method"] == "nearest" and row["kind"] == "test"]
    assert float(by_method["nearest"]["mos"]) == pytest.approx(np.mean([int(row["rating"]) for row in own]))
    assert len(table(out / "images.csv")) == 25 and len(table(out / "differences.csv")) == 10


def test_quality_that_is_not_finite_is_shown(reported):
    study, _ = reported
    ratings = Ratings(study)
    rated = observations(study, ratings.all())
    ratings.close()
    results = [{**row, "psnr": None, "ssim": "nan", "left_out": {"psnr": 2}} for row in study.results]
    analysis = analyse(rated, {}, results)
    assert {(str(s.psnr), str(s.ssim), s.lpips) for s in analysis.scores if s.method != "HR"} == {("inf", "nan", None)}
    image_set, scale = analysis.places[0]
    said = f"PSNR of nearest on {image_set} x{scale} leaves out 2 images that equal their references."
    assert said in report(study, analysis)


def test_who_fails_is_reported_and_not_dropped(reported):
    _, out = reported
    rows = {row["rater"]: row for row in table(out / "raters.csv")}
    assert [number for number, row in rows.items() if row["calibration_failed"] == "True"] == ["2"]
    assert rows["2"]["calibration_error"] == "2.0" and rows["6"]["rated"] == "0"
    text = (out / "report.md").read_text()
    assert "told to give, on average): 2. Rejected" in text and "| 2 | 39 of 39 | 2.00 | FAILED |" in text
    assert "5 of 6 raters have rated" in text and "Screened: without raters 2" in text
    assert {row["rater"] for row in table(out / "ratings.csv")} == {"1", "2", "3", "4", "5"}
    biases = [float(rows[number]["bias"]) for number in "1345"]
    assert biases == sorted(biases, reverse=True)


def test_the_report_is_whole(reported):
    _, out = reported
    text = (out / "report.md").read_text()
    for part in (
        "## Scores",
        "Wilcoxon",
        "Holm",
        "P.910 Annex E",
        "BT.500-14",
        "20 images were rated twice",
        "mos.png",
    ):
        assert part in text
    with Image.open(out / "mos.png") as picture:
        assert picture.width > 800
    assert (out / "mos.png").stat().st_size < 200_000


def test_lpips_stands_beside_the_scores_where_results_have_it(study):
    for row in study.results:
        row["lpips"] = 0.25
    fill(study)
    analysis = analyse(observations(study, Ratings(study).all()), {1: 23, 2: 23, 3: 23}, study.results)
    assert {score.lpips for score in analysis.scores if score.method != "HR"} == {0.25}
    assert "| LPIPS |" in report(study, analysis) and "| 0.2500 |" in report(study, analysis)


@pytest.mark.parametrize(("scale", "papers"), [(4, 3), (2, 0)])
def test_the_papers_panels_stand_only_beside_a_study_of_their_scale(study, scale, papers):
    fill(study)
    items = {name: replace(item, scale=scale) for name, item in study.items.items()}
    other = replace(study, items=items, results=[{**row, "scale": scale} for row in study.results])
    analysis = analyse(observations(other, Ratings(study).all()), {1: 23, 2: 23, 3: 23}, other.results)
    titles = [panel.title for panel in score_panels(analysis)]
    assert titles[0] == f"this study: five x{scale}, 3 raters"
    assert [title.startswith("SRGAN paper: ") for title in titles[1:]] == [True] * papers


def test_a_report_needs_ratings(study):
    with pytest.raises(SrlabError, match="nobody has rated yet"):
        write_report(study.folder)
    ratings = Ratings(study)
    ratings.add(Rating(1, study.raters[0].trials[0].id, 1, "now"))
    with pytest.raises(SrlabError, match="no image of the test is rated yet"):
        write_report(study.folder)


def test_one_rater_who_has_just_begun(study):
    ratings = Ratings(study)
    for trial in study.raters[0].trials[:13]:
        ratings.add(Rating(1, trial.id, 4, "now"))
    main(["report", str(study.folder)])
    rows = table(study.folder / "report/mos.csv")
    assert 1 <= len(rows) <= 3 and {row["mos"] for row in rows} == {"4.0"} and {row["low"] for row in rows} == {""}


def test_the_papers_table(tmp_path):
    """Tables 1 and 2 of the paper, and the figure of the latter by the same code."""
    rows = published_scores()
    assert len(rows) == 33 and {row.scale for row in rows} == {4}
    assert published_mos("set5", 4, "SRGAN") == published_mos("set5", 4, "srgan") == 3.58
    assert published_mos("set14", 4, "SRGAN-VGG22") == 3.57
    assert published_mos("b100", 4, "HR") == 4.46 and published_mos("set5", 2, "SRGAN") is None
    panel = paper_panel(("set14", 4))
    assert panel.bars[0].mean == 1.20 and panel.bars[-1].mean == 4.32 and len(panel.bars) == 9
    draw_panels([paper_panel((name, 4)) for name in ("set5", "set14", "b100")], tmp_path / "paper.png")
    assert (tmp_path / "paper.png").stat().st_size > 10_000


def test_a_whole_study_with_a_server_that_is_killed(tmp_path):
    """tools/mos_rehearsal.py, smaller: it asserts that every acknowledged rating is there."""
    study = make_study(tmp_path, raters=5, per_rater=10, repeats=2)
    browsers = 1 if CHROMIUM and DRIVER else 0
    rehearsal = rehearse(study, kills=4, browsers=browsers)
    assert len(rehearsal.acknowledged) > 0.9 * 5 * (10 + 10 + 2)
    out = write_report(study.folder)
    assert [row["calibration_failed"] for row in table(out / "raters.csv")] == ["False"] * 4 + ["True"]
