"""Rows as a table: on the terminal, in Markdown, CSV and JSON."""

import csv
import io
from pathlib import Path
from typing import Any

from rich.table import Table

from srlab.atomic_write import write_text
from srlab.console import wide_console
from srlab.evaluation.measure import ResultRow
from srlab.evaluation.results import metrics_of, write_json
from srlab.metrics.metric import Metric
from srlab.run_files import RESULTS

LEFT = ("set", "method", "protocol", "input")


def cells(row: ResultRow) -> dict[str, str]:
    """A row as text by columns; the difference is ours minus the published PSNR."""
    printed = difference = ""
    if row.published is not None:
        ssim = row.published["ssim"]
        printed = f"{row.published['psnr']:.2f}" + (f" / {ssim:.4f}" if ssim is not None else "")
        difference = f"{_difference(row):+.2f}" if "psnr" in row.means else ""
    return {
        "set": row.set,
        "scale": f"x{row.scale}",
        "method": row.method,
        **{_heading(metric): metric.text(row.means[metric.name]) for metric in row.metrics},
        "published": printed,
        "difference": difference,
        "s/image": f"{row.seconds:.3f}",
        "protocol": row.protocol,
        "n": str(row.n),
        "input": row.input,
    }


def _heading(metric: Metric) -> str:
    return f"{metric.title} ↓" if metric.better == "lower" else metric.title


def _difference(row: ResultRow) -> float:
    assert row.published is not None
    return row.psnr - row.published["psnr"]


def _body(rows: list[ResultRow]) -> tuple[list[str], list[list[str]]]:
    """Columns that say something, without those that are empty in every row, and the table below them."""
    table = [cells(row) for row in rows]
    columns = dict.fromkeys(column for line in table for column in line)
    used = [column for column in columns if any(line.get(column) for line in table)]
    return used, [[line.get(column, "") for column in used] for line in table]


def print_table(rows: list[ResultRow], title: str) -> None:
    """The table on the terminal, whole: piped output is not cut to 80 columns."""
    table = Table(title=title, title_justify="left")
    columns, body = _body(rows)
    for column in columns:
        table.add_column(column, justify="left" if column in LEFT else "right")
    for line in body:
        table.add_row(*line)
    wide_console().print(table)


def markdown(rows: list[ResultRow]) -> str:
    columns, body = _body(rows)
    lines = [columns, ["---"] * len(columns), *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def comma_separated(rows: list[ResultRow]) -> str:
    """One line a row, at full precision."""
    text = io.StringIO()
    metrics = metrics_of(rows)
    columns = ["set", "scale", "method", "protocol", "n", *metrics, "published_psnr", "published_ssim"]
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*columns, "difference", "seconds", "parameters", "multiply_adds", "input"])
    for row in rows:
        printed: list[Any] = ["", "", ""]
        if row.published is not None:
            difference = _difference(row) if "psnr" in row.means else ""
            printed = [row.published["psnr"], row.published["ssim"], difference]
        values = [row.means.get(name, "") for name in metrics]
        ours = [row.set, row.scale, row.method, row.protocol, row.n, *values]
        writer.writerow([*ours, *printed, row.seconds, row.parameters, row.multiply_adds, row.input])
    return text.getvalue()


def write_results(rows: list[ResultRow], folder: Path, facts: dict[str, Any] | None = None) -> None:
    """results.json, results.md and results.csv, each whole or not at all. facts: what else results.json says."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(rows, folder / RESULTS, facts)
    write_text(folder / "results.md", markdown(rows))
    write_text(folder / "results.csv", comma_separated(rows))
