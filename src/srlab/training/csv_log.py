"""metrics.csv: one line a step, kept over resumes. Lightning's own CSV logger deletes the file of the earlier part."""

import csv
from argparse import Namespace
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers.logger import Logger, rank_zero_experiment
from pytorch_lightning.utilities.rank_zero import rank_zero_only


class CSVLog(Logger):
    """Appends to `path`. A new column rewrites the file with a longer header; that happens a few times a run.

    first_step: lines from this step on are dropped when the log is opened, for a run that resumes there.
    """

    def __init__(self, path: Path, first_step: int = 0) -> None:
        super().__init__()
        self.path = path
        self.columns: list[str] = ["step"]
        self.rows: dict[int, dict[str, Any]] = {}
        if path.is_file():
            with path.open(newline="") as file:
                reader = csv.DictReader(file)
                self.columns = list(reader.fieldnames or self.columns)
                self.rows = {int(row["step"]): row for row in reader if int(row["step"]) < first_step}

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
        """config.yaml has them."""

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        row = self.rows.setdefault(step or 0, {"step": step or 0})
        row.update({key: f"{value:.6g}" for key, value in metrics.items() if key != "epoch"})
        self.columns += [key for key in row if key not in self.columns]

    @rank_zero_only
    def save(self) -> None:
        partial = self.path.with_name(self.path.name + ".part")
        with partial.open("w", newline="") as file:
            writer = csv.DictWriter(file, self.columns)
            writer.writeheader()
            writer.writerows(self.rows[step] for step in sorted(self.rows))
        partial.replace(self.path)

    @rank_zero_only
    def finalize(self, status: str) -> None:
        self.save()
