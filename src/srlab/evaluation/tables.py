"""Result rows as tables: on the terminal, in Markdown, LaTeX, CSV and JSON."""

from pathlib import Path
from typing import Any

from rich.console import Console

from srlab import finite
from srlab.atomic_write import write_text
from srlab.evaluation.measure import ResultRow
from srlab.evaluation.results import metrics_of, write_json
from srlab.evaluation.text_tables import TextTable, csv_text, numbered_notes, used_columns
from srlab.metrics.metric import Metric
from srlab.run_files import RESULTS

LEFT = ("set", "method", "protocol")
NARROW = {"difference": "diff"}  # headings where 80 columns are to be enough


def cells(row: ResultRow) -> dict[str, str]:
    """Returns a row as text by columns; the difference is ours minus the published PSNR."""
    printed = difference = ""
    if row.published is not None:
        ssim = row.published["ssim"]
        printed = f"{row.published['psnr']:.2f}" + (f" / {ssim:.4f}" if ssim is not None else "")
        difference = "" if _difference(row) is None else f"{_difference(row):+.2f}"
    return {
        "set": row.set,
        "scale": f"x{row.scale}",
        "method": row.method,
        **{_heading(metric): metric.text(row.means[metric.name]) for metric in row.metrics},
        "published": printed,
        "difference": difference,
        "s/image": "" if row.seconds is None else f"{row.seconds:.3f}",
        "protocol": row.protocol,
        "n": str(row.n),
    }


def _heading(metric: Metric) -> str:
    return f"{metric.title} ↓" if metric.better == "lower" else metric.title


def _difference(row: ResultRow) -> float | None:
    """Ours minus the published PSNR; None without both, and where ours is not finite."""
    if row.published is None or "psnr" not in row.means:
        return None
    return finite.difference(row.psnr, row.published["psnr"])


def result_table(rows: list[ResultRow]) -> TextTable:
    """Returns the table of results.md and results.tex: every column in which some row has something.

    What methods saw, where that is not the image itself, what means leave out, and what s/image was measured on are
    notes below it.
    """
    table, notes = _marked(rows)
    names = list(dict.fromkeys(name for line in table for name in line))
    columns, body = used_columns(names, [[line.get(name, "") for name in names] for line in table])
    timed_on = dict.fromkeys(row.timed_on for row in rows if row.timed_on)
    timed = [f"s/image: {', or '.join(timed_on)}"] if timed_on else []
    places = [(row.set, row.scale) for row in rows]
    sections = [i for i in range(1, len(rows)) if places[i] != places[i - 1]]
    several = len(sections) + 1 < len(rows)  # sections of one row each are none
    return TextTable(columns, body, LEFT, whole=("method",), sections=sections if several else (), notes=notes + timed)


def _marked(rows: list[ResultRow]) -> tuple[list[dict[str, str]], list[str]]:
    """Returns the rows as text with the marks of notes, at methods and at means, and the notes."""
    table = [cells(row) for row in rows]
    noted = [{"method": row.input, **{_heading(m): row.remarks[m.name] for m in row.metrics}} for row in rows]
    marks, notes = numbered_notes([text for texts in noted for text in texts.values()])
    places = [(line, name) for line, texts in zip(table, noted, strict=True) for name in texts]
    for (line, name), mark in zip(places, marks, strict=True):
        line[name] += mark
    return table, notes


def print_table(rows: list[ResultRow], title: str, console: Console | None = None) -> None:
    """Prints the results so that names are whole on 80 columns: with n as a note, without what the title says.

    Args:
        rows: what was measured.
        title: names the protocol.
        console: None for the terminal's own.
    """
    table = result_table(rows)
    kept = [i for i, name in enumerate(table.columns) if name not in ("protocol", "n")]
    counts = dict.fromkeys(f"{row.set} {row.n}" for row in rows)
    TextTable(
        columns=[NARROW.get(table.columns[i], table.columns[i]) for i in kept],
        rows=[[line[i] for i in kept] for line in table.rows],
        left=LEFT,
        whole=table.whole,
        sections=table.sections,
        notes=[*table.notes, f"images: {', '.join(counts)}"] if rows else (),
    ).print(title, console)


def markdown(rows: list[ResultRow]) -> str:
    """Returns the table of results.md."""
    return result_table(rows).markdown()


def comma_separated(rows: list[ResultRow]) -> str:
    """Returns the table of results.csv: one line a row, at full precision.

    NAME_left_out is the number of images whose infinite values a mean leaves out; there is no such column where no row
    has any.
    """
    metrics = metrics_of(rows)
    left_out = [name for name in metrics if any(name in row.left_out for row in rows)]
    columns = ["set", "scale", "method", "protocol", "n", *metrics, *(f"{name}_left_out" for name in left_out),
               "published_psnr", "published_ssim", "difference",
               "seconds", "parameters", "multiply_adds", "input", "timed_on"]  # fmt: skip
    return csv_text([columns, *(_csv_line(row, list(metrics), left_out) for row in rows)])


def _csv_line(row: ResultRow, metrics: list[str], left_out: list[str]) -> list[Any]:
    printed: list[Any] = ["", "", ""]
    if row.published is not None:
        printed = [row.published["psnr"], row.published["ssim"], _difference(row)]
    values = [*(row.means.get(name, "") for name in metrics), *(row.left_out.get(name, 0) for name in left_out)]
    ours = [row.set, row.scale, row.method, row.protocol, row.n, *values]
    return [*ours, *printed, row.seconds, row.parameters, row.multiply_adds, row.input, row.timed_on]


def write_results(rows: list[ResultRow], folder: Path, facts: dict[str, Any] | None = None) -> None:
    """Writes results.json, results.md, results.csv and results.tex, each whole or not at all.

    Args:
        rows: what was measured.
        folder: is made where it is not there.
        facts: what else results.json says.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_json(rows, folder / RESULTS, facts)
    table = result_table(rows)
    write_text(folder / "results.md", table.markdown())
    write_text(folder / "results.csv", comma_separated(rows))
    write_text(folder / "results.tex", table.latex())
