"""Reports on a sweep.

    srlab report runs/SWEEP
    srlab report runs/SWEEP reference=loss=l1

The runs in a folder as one table (mean and standard deviation over seeds, paired differences with intervals), their
curves, and PSNR against parameters and time, in SWEEP/report: Markdown, CSV, LaTeX, PNG.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from srlab.commands.arguments import Option, Place, Tool
from srlab.console import reported


def main(words: Sequence[str] | None = None) -> int:
    with reported():
        return TOOL.main(words)


def _report(values: dict[str, Any]) -> None:
    from srlab.sweeps.report import write_report  # noqa: PLC0415 - imports PyTorch: --help answers at once

    write_report(Path(values["dir"]), values["reference"])


TOOL = Tool(
    name="srlab report",
    about=str(__doc__),
    places=(Place("DIR", "the folder that holds the runs"),),
    options=(Option("reference", "the row to compare with, as the table calls it"),),
    run=_report,
)
