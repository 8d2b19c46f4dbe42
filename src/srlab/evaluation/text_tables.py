"""Tables as text: Markdown for people, CSV for programs."""

import csv
import io
from collections.abc import Collection, Iterable, Sequence
from typing import Any


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[str]], right: Collection[str] = ()) -> str:
    """Returns a Markdown table that ends with a line feed.

    Args:
        columns: the header.
        rows: cells, as many in each as there are columns; a `|` in them is escaped.
        right: names of the columns that are aligned to the right.
    """
    rules = ["---:" if name in right else "---" for name in columns]
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in [columns, rules, *escaped])


def csv_text(lines: Iterable[Sequence[Any]]) -> str:
    """Returns lines as CSV with line feeds; None is an empty cell, and numbers have their full precision."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue()
