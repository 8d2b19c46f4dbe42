"""Writes and reads results.json; nothing else does."""

import json
from pathlib import Path
from typing import Any, NoReturn

from srlab.atomic_write import write_text
from srlab.evaluation.measure import ResultRow
from srlab.metrics.metric import Metric, Quality


def as_json(row: ResultRow) -> dict[str, Any]:
    """Returns a row as results.json has it. An infinite PSNR, which JSON cannot hold, is null."""

    def finite(quality: Quality) -> dict[str, float | None]:
        return {name: value if abs(value) != float("inf") else None for name, value in quality.items()}

    return {
        "method": row.method,
        "scale": row.scale,
        "set": row.set,
        "protocol": row.protocol,
        "n": row.n,
        **finite(row.means),
        "seconds": row.seconds,
        "parameters": row.parameters,
        "multiply_adds": row.multiply_adds,
        "input": row.input,
        "timed_on": row.timed_on,
        "published": row.published,
        "images": {name: finite(quality) for name, quality in row.images.items()},
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
    """Reads results.json: {"rows": [...], ...}.

    Raises:
        ValueError: it is not JSON; NaN and infinities are not.
        OSError: it cannot be read.
    """
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_number)
    return content


def metrics_of(rows: list[ResultRow]) -> dict[str, Metric]:
    """Returns what was measured, by name, in the order of columns."""
    return {metric.name: metric for row in rows for metric in row.metrics}


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")
