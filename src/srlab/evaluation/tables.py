"""Rows as a table: on the terminal, in Markdown, CSV and JSON."""

import csv
import io
import json
from pathlib import Path
from typing import Any

from rich.table import Table

from srlab.console import wide_console
from srlab.evaluation.benchmark import Row, as_json
from srlab.metrics.metric import Metric

LEFT = ("set", "method", "protocol", "input")


def cells(row: Row) -> dict[str, str]:
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


def _difference(row: Row) -> float:
    assert row.published is not None
    return row.psnr - row.published["psnr"]


def _body(rows: list[Row]) -> tuple[list[str], list[list[str]]]:
    """Columns that say something, without those that are empty in every row, and the table below them."""
    table = [cells(row) for row in rows]
    columns = dict.fromkeys(column for line in table for column in line)
    used = [column for column in columns if any(line.get(column) for line in table)]
    return used, [[line.get(column, "") for column in used] for line in table]


def print_table(rows: list[Row], title: str) -> None:
    """The table on the terminal, whole: piped output is not cut to 80 columns."""
    table = Table(title=title, title_justify="left")
    columns, body = _body(rows)
    for column in columns:
        table.add_column(column, justify="left" if column in LEFT else "right")
    for line in body:
        table.add_row(*line)
    wide_console().print(table)


def markdown(rows: list[Row]) -> str:
    columns, body = _body(rows)
    lines = [columns, ["---"] * len(columns), *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def comma_separated(rows: list[Row]) -> str:
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


def write_results(rows: list[Row], folder: Path, facts: dict[str, Any] | None = None) -> None:
    """results.json, results.md and results.csv, each whole or not at all. facts: what else results.json says."""
    folder.mkdir(parents=True, exist_ok=True)
    about = {name: {"better": m.better, "about": m.about} for name, m in metrics_of(rows).items() if m.about}
    content = {**(facts or {}), **({"metrics": about} if about else {}), "rows": [as_json(row) for row in rows]}
    write_text(folder / "results.json", json.dumps(content, indent=1, allow_nan=False) + "\n")
    write_text(folder / "results.md", markdown(rows))
    write_text(folder / "results.csv", comma_separated(rows))


def metrics_of(rows: list[Row]) -> dict[str, Metric]:
    """What was measured, by name, in the order of columns."""
    return {metric.name: metric for row in rows for metric in row.metrics}


def write_text(path: Path, text: str) -> None:
    partial = path.with_name(path.name + ".part")
    partial.write_text(text)
    partial.replace(path)
