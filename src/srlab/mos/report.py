"""`srlab mos report STUDY`: writes STUDY/report with report.md, its tables as CSV, mos.png and mos.pdf."""

from pathlib import Path

from srlab.atomic_write import write_text
from srlab.errors import SrlabError
from srlab.evaluation.text_tables import csv_text, markdown_table, markdown_text
from srlab.labels import printable_line
from srlab.mos.analysis import Analysis, analyse
from srlab.mos.figures import draw_panels, score_panels
from srlab.mos.observations import Place, observations
from srlab.mos.ratings import FILE, Ratings
from srlab.mos.report_tables import csv_tables
from srlab.mos.scores import OpinionScore
from srlab.mos.screening import CALIBRATION_LIMIT, FEWEST_RATINGS, Retest
from srlab.mos.study import Study, open_study

ALPHA = 0.05


def write_report(folder: Path) -> Path:
    """Writes the report of a study's ratings so far and returns its folder. Raises SrlabError where there are none."""
    study = open_study(folder)
    if not (folder / FILE).is_file():
        raise SrlabError(f"{folder}: nobody has rated yet. Let raters in: srlab mos serve {folder}")
    ratings = Ratings(study)
    rated = observations(study, ratings.all())
    ratings.close()
    if not rated.test:
        raise SrlabError(
            f"{folder}: no image of the test is rated yet. Let raters go on, or import what they downloaded."
        )
    planned = {rater.number: len(rater.trials) for rater in study.raters}
    analysis = analyse(rated, planned, study.results)
    out = folder / "report"
    out.mkdir(exist_ok=True)
    draw_panels(score_panels(analysis), out / "mos.png")
    tables = csv_tables(analysis)
    for name, lines in tables.items():
        write_text(out / f"{name}.csv", csv_text(lines))
    write_text(out / "report.md", report(study, analysis))
    print(_table(_score_table(analysis)))
    print(f"written: {out / 'report.md'}, mos.png, mos.pdf, and {', '.join(f'{name}.csv' for name in tables)}")
    return out


def report(study: Study, analysis: Analysis) -> str:
    """Returns report.md."""
    came = [rater for rater in analysis.raters if rater.rated]
    test = analysis.observations.test
    facts = study.facts
    parts = [
        "# Mean opinion scores",
        f"Study {facts['id']}, exported {facts['created']} by srlab {facts['versions']['srlab']} "
        f"(seed {facts['seed']}, protocol {facts['protocol']['measured']}). "
        f"{len(came)} of {len(analysis.raters)} raters have rated, "
        f"{sum(rater.rated == rater.planned for rater in came)} to the end: {len(test)} ratings of the test, and "
        f"{len(analysis.observations.all) - len(test)} for calibration and retest, which no score includes.",
        "![distribution of the ratings, and their means](mos.png)",
        "## Scores",
        _table(_score_table(analysis)),
        _notes(analysis),
        "## Differences",
        "Two-sided Wilcoxon signed-rank tests on raters' means, Holm's correction within each set and scale. "
        "Difference: first minus second.",
        *(_differences(place, analysis) for place in analysis.places),
        "## Raters",
        _rater_notes(analysis),
        _table(_rater_table(analysis)),
        "## Test and retest",
        _retest(analysis.retest),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _score_table(analysis: Analysis) -> list[list[str]]:
    """Returns the table as printed, without columns that are empty in every row."""
    header = ["set", "scale", "method", "MOS", "95% interval", "ratings", "screened MOS", "corrected MOS (P.910)",
              "PSNR", "SSIM", "LPIPS", "SRGAN paper's MOS"]  # fmt: skip
    rows = [
        [
            score.place[0],
            f"x{score.place[1]}",
            score.method,
            f"{score.score.mean:.2f}",
            _interval(score.score),
            str(score.score.ratings),
            "" if score.screened is None else _with_interval(score.screened),
            _number(score.corrected, 2),
            _number(score.psnr, 2),
            _number(score.ssim, 4),
            _number(score.lpips, 4),
            _number(score.published, 2),
        ]
        for score in analysis.scores
    ]
    used = [i for i in range(len(header)) if any(row[i] for row in rows)]
    return [[row[i] for i in used] for row in [header, *rows]]


def _with_interval(score: OpinionScore) -> str:
    interval = _interval(score)
    return f"{score.mean:.2f} ({interval})" if interval else f"{score.mean:.2f}"


def _interval(score: OpinionScore) -> str:
    return "" if score.low is None or score.high is None else f"{score.low:.2f} to {score.high:.2f}"


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _notes(analysis: Analysis) -> str:
    text = (
        "MOS: the mean over images of each image's mean rating, of all raters. The interval is for other raters of the "
        "same images: raters are the sample, and one rater's ratings count as one observation (Student's t over "
        "raters' means where all rated everything). Corrected: raters' biases removed and raters weighted by their "
        "consistency, ITU-T P.910 Annex E, by sureal."
    )
    out = [str(rater.number) for rater in analysis.raters if rater.out]
    if out:
        text += f" Screened: without raters {', '.join(out)}; MOS, intervals and tests include them."
    text += "".join(
        f" PSNR of {markdown_text(printable_line(score.method))} on {markdown_text(printable_line(score.place[0]))} "
        f"x{score.place[1]} leaves out {score.left_out} images that equal their references."
        for score in analysis.scores
        if score.left_out
    )
    if any(score.published is not None for score in analysis.scores):
        text += " The paper's scores are of its own raters and networks, and show where a scale lies, not who is right."
    return text


def _differences(place: Place, analysis: Analysis) -> str:
    header = ["first", "second", "difference", "p", "p after Holm", f"below {ALPHA}", "raters"]
    rows = [
        [one.first, one.second, f"{one.difference:+.2f}", _p(one.p), _p(one.adjusted),
         "yes" if one.adjusted < ALPHA else "no", str(one.raters)]
        for one in analysis.comparisons[place]
    ]  # fmt: skip
    return f"### {place[0]} x{place[1]}\n\n{_table([header, *rows])}"


def _p(value: float) -> str:
    return f"{value:.4f}" if value >= 0.0001 else f"{value:.0e}"


def _rater_notes(analysis: Analysis) -> str:
    came = [rater for rater in analysis.raters if rater.rated]
    failed = [str(rater.number) for rater in came if rater.failed]
    rejected = [str(rater.number) for rater in came if rater.rejected]
    return (
        f"Failed calibration (more than {CALIBRATION_LIMIT:g} grade off what they were told to give, on average): "
        f"{', '.join(failed) or 'nobody'}. Rejected by the screening of ITU-R BT.500-14, A1-2.3.1: "
        f"{', '.join(rejected) or 'nobody'}. Nobody is left out of the MOS for either. Bias: how much higher than "
        f"others a rater rates; inconsistency: the standard deviation of the rater's noise, in grades (P.910 Annex E; "
        f"raters with at least {FEWEST_RATINGS} ratings). Retest: the mean distance between first and second "
        f"rating of the same image."
    )


def _rater_table(analysis: Analysis) -> list[list[str]]:
    header = ["rater", "rated", "calibration error", "calibration", "BT.500", "bias", "inconsistency", "retest"]
    rows = [
        [
            str(rater.number),
            f"{rater.rated} of {rater.planned}",
            _number(rater.calibration, 2),
            "" if rater.calibration is None else "FAILED" if rater.failed else "passed",
            "" if rater.rejected is None else "REJECTED" if rater.rejected else "kept",
            "" if rater.bias is None else f"{rater.bias:+.2f}",
            _number(rater.inconsistency, 2),
            "" if rater.retest is None else f"{rater.retest.absolute:.2f}",
        ]
        for rater in analysis.raters
    ]
    return [header, *rows]


def _retest(found: Retest | None) -> str:
    if found is None:
        return "No image has been rated twice yet."
    correlation = "" if found.correlation is None else f", Spearman's correlation {found.correlation:.2f}"
    return (
        f"{found.pairs} images were rated twice by the same rater, unannounced: {100 * found.agreement:.0f}% got the "
        f"same rating, {100 * found.within_one:.0f}% one that differs by at most 1{correlation}. The second rating is "
        f"{found.difference:+.2f} higher on average (Wilcoxon signed-rank test: p = {_p(found.p)}); the SRGAN "
        f"paper's pilot found no significant difference either way."
    )


def _table(lines: list[list[str]]) -> str:
    header, *rows = lines
    return markdown_table(header, rows).rstrip()
