"""metrics.csv: one line a step, kept when a run is resumed. Lightning's own CSV logger would delete the old file."""

import csv
import io
import re
import warnings
from argparse import Namespace
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers.logger import Logger, rank_zero_experiment
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from srlab.atomic_write import write_text

NAME = re.compile(r"[\w/@.+ -]+")  # of a column
STEP = re.compile(r"[0-9]{1,15}")
NUMBER = re.compile(r"|[-+]?(inf|nan|[0-9]{1,20}(\.[0-9]{0,20})?(e[-+]?[0-9]{1,3})?)", re.IGNORECASE)


class CSVLog(Logger):
    """Appends lines to a CSV file; the line of the current step is written again when it gets further values.

    A new column rewrites the whole file with a longer header, which happens a few times a run.

    Args:
        path: of the file.
        first_step: where the run resumes; lines of this and later steps are removed when the log is opened.
    """

    def __init__(self, path: Path, first_step: int = 0) -> None:
        super().__init__()
        self.path, self.first_step = path, first_step
        self.columns: list[str] = []  # as in the file; none until it is opened
        self._row: dict[str, str] = {}
        self._start = 0  # where the line of the current step begins in the file

    @property
    def name(self) -> str:
        return "csv"

    @property
    def version(self) -> str:
        return ""

    @property
    @rank_zero_experiment
    def experiment(self) -> "CSVLog":
        return self

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Does nothing: config.yaml has them."""

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        if not self.columns:
            self._rewrite([row for row in read_rows(self.path) if int(row["step"]) < self.first_step])
        if self._row.get("step") != str(step or 0):
            self._row = {"step": str(step or 0)}
            self._start = self.path.stat().st_size
        self._row.update({key: f"{value:.6g}" for key, value in metrics.items() if key != "epoch"})

    @rank_zero_only
    def save(self) -> None:
        """Writes the line of the current step. Lightning calls it after every log_metrics."""
        if not self._row:
            return
        if not set(self._row) <= set(self.columns):
            rows = [row for row in read_rows(self.path) if row["step"] != self._row["step"]]
            self._rewrite([*rows, self._row])
            self._start = self.path.stat().st_size - len(self._lines([self._row]).encode())
            return
        with self.path.open("r+", encoding="utf-8", newline="") as file:
            file.seek(self._start)
            file.write(self._lines([self._row]))
            file.truncate()

    @rank_zero_only
    def finalize(self, status: str) -> None:
        self.save()

    def _lines(self, rows: list[dict[str, str]]) -> str:
        text = io.StringIO()
        csv.DictWriter(text, self.columns, lineterminator="\n").writerows(rows)
        return text.getvalue()

    def _rewrite(self, rows: list[dict[str, str]]) -> None:
        self.columns = list(dict.fromkeys(["step", *(key for row in rows for key in row)]))
        write_text(self.path, ",".join(self.columns) + "\n" + self._lines(rows))


def read_rows(path: Path) -> list[dict[str, str]]:
    """Reads the lines of a metrics.csv, in the order of their steps; none where there is no file.

    A line that is none is left out, and a warning names it: one with other than a number in a column, or without a
    step, as a torn write, a full disk or an editor leaves it. The last line may be one that is being written.
    """
    if not path.is_file():
        return []
    lines = path.read_bytes().decode("utf-8-sig", errors="replace").replace("\r\n", "\n").split("\n")
    columns = lines[0].split(",")
    if "step" not in columns or len(set(columns)) < len(columns) or not all(map(NAME.fullmatch, columns)):
        if any(lines):
            warnings.warn(f"{path}: its first line does not name the columns; none of its lines is used.", stacklevel=2)
        return []
    rows, bad = [], []
    for number, line in enumerate(lines[1:], 2):
        row = _row(columns, line, whole=number < len(lines))
        if row is not None:
            rows.append(row)
        elif line and number < len(lines):
            bad.append(number)
    if bad:
        listed = ", ".join(map(str, bad[:5])) + (", ..." if len(bad) > 5 else "")
        warnings.warn(f"{path}: {len(bad)} damaged lines are left out (line {listed}).", stacklevel=2)
    return rows


def _row(columns: list[str], line: str, whole: bool) -> dict[str, str] | None:
    """Returns a line's values by column; None for a damaged one, or one whose end is not there yet."""
    values = line.split(",")
    if not whole or len(values) != len(columns):
        return None
    row = dict(zip(columns, values, strict=True))
    if not STEP.fullmatch(row["step"]) or not all(NUMBER.fullmatch(value) for value in values):
        return None
    return row
