"""Reports on a sweep.

    srlab report runs/SWEEP
    srlab report runs/SWEEP reference=loss=l1

The runs in a folder as one table (mean and standard deviation over seeds, paired differences with intervals),
their curves, and PSNR against parameters and time, in SWEEP/report: Markdown, CSV, LaTeX, PNG.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from srlab.console import reported
from srlab.errors import SrlabError


def main(words: Sequence[str] | None = None) -> None:
    arguments = _parser().parse_args(words)
    with reported():
        arguments.run(arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="srlab report", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="the folder that holds the runs")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--reference", metavar="LABEL", help="the row to compare with, as the table calls it")
    which.add_argument("setting", nargs="?", metavar="reference=LABEL", help="the same")
    parser.set_defaults(run=_report)
    return parser


def _report(arguments: argparse.Namespace) -> None:
    from srlab.sweeps.report import write_report  # noqa: PLC0415 - imports PyTorch: --help answers at once

    reference = arguments.reference
    if arguments.setting is not None:
        key, _, reference = arguments.setting.partition("=")
        if key != "reference" or not reference:
            raise SrlabError(f"{arguments.setting}: expected reference=LABEL.")
    write_report(arguments.folder, reference)
