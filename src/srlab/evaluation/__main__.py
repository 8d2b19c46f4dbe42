"""Tools for results.

    python -m srlab.evaluation report runs/SWEEP
    python -m srlab.evaluation report runs/SWEEP reference=loss=l1

report: the runs in a folder as one table (mean and standard deviation over seeds, paired differences with intervals),
their curves, and PSNR against parameters and time, in SWEEP/report: Markdown, CSV, LaTeX, PNG.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from srlab.config import reported
from srlab.errors import SrlabError


def main(words: Sequence[str] | None = None) -> None:
    arguments = _parser().parse_args(words)
    with reported():
        arguments.run(arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m srlab.evaluation", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    tools = parser.add_subparsers(required=True)
    tool = tools.add_parser("report", help="a sweep's runs as one table and three pictures")
    tool.add_argument("folder", type=Path, metavar="DIR", help="the folder that holds the runs")
    which = tool.add_mutually_exclusive_group()
    which.add_argument("--reference", metavar="LABEL", help="the row to compare with, as the table calls it")
    which.add_argument("setting", nargs="?", metavar="reference=LABEL", help="the same")
    tool.set_defaults(run=_report)
    return parser


def _report(arguments: argparse.Namespace) -> None:
    from srlab.evaluation.report import write_report  # noqa: PLC0415 - imports PyTorch: --help answers at once

    reference = arguments.reference
    if arguments.setting is not None:
        key, _, reference = arguments.setting.partition("=")
        if key != "reference" or not reference:
            raise SrlabError(f"{arguments.setting}: expected reference=LABEL.")
    write_report(arguments.folder, reference)


if __name__ == "__main__":
    main()
