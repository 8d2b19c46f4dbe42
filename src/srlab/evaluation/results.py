"""Writes and reads results.json; nothing else does."""

import json
from pathlib import Path
from typing import Any

from srlab.atomic_write import write_text
from srlab.evaluation.measure import ResultRow
from srlab.evaluation.results_schema import FILE
from srlab.finite import to_json
from srlab.metrics.metric import Metric, Quality
from srlab.plain_files import read_plain_json
from srlab.plain_schema import check

AGAIN = "Evaluate the run again (evaluate.py ckpt=...), or remove the file."


def as_json(row: ResultRow) -> dict[str, Any]:
    """Returns a row as results.json has it. Values that are not finite are as `srlab.finite` says."""

    def values(quality: Quality) -> dict[str, float | str | None]:
        return {name: to_json(value) for name, value in quality.items()}

    return {
        "method": row.method,
        "scale": row.scale,
        "set": row.set,
        "protocol": row.protocol,
        "n": row.n,
        **values(row.means),
        **({"left_out": row.left_out} if row.left_out else {}),
        "seconds": row.seconds,
        "parameters": row.parameters,
        "multiply_adds": row.multiply_adds,
        "input": row.input,
        "timed_on": row.timed_on,
        "published": row.published,
        "images": {name: values(quality) for name, quality in row.images.items()},
    }


def write_json(rows: list[ResultRow], path: Path, facts: dict[str, Any] | None = None) -> None:
    """Writes results.json, whole or not at all.

    Args:
        rows: what was measured.
        path: of the file.
        facts: what else it says, such as the seconds of training.
    """
    about = {name: {"better": m.better, "about": m.about} for name, m in metrics_of(rows).items() if m.about}
    content = {**(facts or {}), **({"metrics": about} if about else {}), "rows": [as_json(row) for row in rows]}
    write_text(path, json.dumps(content, indent=1, allow_nan=False) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Reads results.json: {"rows": [...], ...}, and checks it.

    Raises:
        SrlabError: it cannot be read, is damaged, or has a key that is missing or of another kind.
    """
    content: dict[str, Any] = read_plain_json(path, AGAIN)
    check(content, FILE, path, AGAIN)
    return content


def metrics_of(rows: list[ResultRow]) -> dict[str, Metric]:
    """Returns what was measured, by name, in the order of columns."""
    return {metric.name: metric for row in rows for metric in row.metrics}
