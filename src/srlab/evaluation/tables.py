"""Rows as a table: on the terminal, in Markdown, CSV and JSON."""

import csv
import io
import json
from pathlib import Path
from typing import Any

from rich.table import Table

from srlab.console import wide_console
from srlab.evaluation.benchmark import Row, as_json

COLUMNS = ("set", "scale", "method", "PSNR", "SSIM", "published", "difference", "s/image", "protocol", "n", "input")


def cells(row: Row) -> tuple[str, ...]:
    """A row as text, in the order of COLUMNS; the difference is ours minus the published PSNR."""
    printed = difference = ""
    if row.published is not None:
        ssim = row.published["ssim"]
        printed = f"{row.published['psnr']:.2f}" + (f" / {ssim:.4f}" if ssim is not None else "")
        difference = f"{row.psnr - row.published['psnr']:+.2f}"
    return (
        row.set,
        f"x{row.scale}",
        row.method,
        f"{row.psnr:.2f}",
        f"{row.ssim:.4f}",
        printed,
        difference,
        f"{row.seconds:.3f}",
        row.protocol,
        str(row.n),
        row.input,
    )


def _used_columns(rows: list[Row]) -> list[int]:
    """Columns that say something: those that are empty in every row are left out."""
    table = [cells(row) for row in rows]
    return [i for i in range(len(COLUMNS)) if any(line[i] for line in table)]


def print_table(rows: list[Row], title: str) -> None:
    """The table on the terminal, whole: piped output is not cut to 80 columns."""
    table = Table(title=title, title_justify="left")
    used = _used_columns(rows)
    for i in used:
        table.add_column(
            COLUMNS[i], justify="left" if COLUMNS[i] in ("set", "method", "protocol", "input") else "right"
        )
    for row in rows:
        line = cells(row)
        table.add_row(*(line[i] for i in used))
    wide_console().print(table)


def markdown(rows: list[Row]) -> str:
    used = _used_columns(rows)
    lines = [[COLUMNS[i] for i in used], ["---"] * len(used)] + [[cells(row)[i] for i in used] for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def comma_separated(rows: list[Row]) -> str:
    """One line a row, at full precision."""
    text = io.StringIO()
    columns = ["set", "scale", "method", "protocol", "n", "psnr", "ssim", "published_psnr", "published_ssim"]
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*columns, "difference", "seconds", "parameters", "multiply_adds", "input"])
    for row in rows:
        printed: list[Any] = ["", "", ""]
        if row.published is not None:
            printed = [row.published["psnr"], row.published["ssim"], row.psnr - row.published["psnr"]]
        ours = [row.set, row.scale, row.method, row.protocol, row.n, row.psnr, row.ssim]
        writer.writerow([*ours, *printed, row.seconds, row.parameters, row.multiply_adds, row.input])
    return text.getvalue()


def write_results(rows: list[Row], folder: Path, facts: dict[str, Any] | None = None) -> None:
    """results.json, results.md and results.csv, each whole or not at all. facts: what else results.json says."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {**(facts or {}), "rows": [as_json(row) for row in rows]}
    write_text(folder / "results.json", json.dumps(content, indent=1, allow_nan=False) + "\n")
    write_text(folder / "results.md", markdown(rows))
    write_text(folder / "results.csv", comma_separated(rows))


def write_text(path: Path, text: str) -> None:
    partial = path.with_name(path.name + ".part")
    partial.write_text(text)
    partial.replace(path)
