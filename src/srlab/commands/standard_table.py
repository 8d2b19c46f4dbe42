"""Prints the tables of the literature, with our numbers beside those in print.

    srlab standard-table scale=2                                  # 33 methods on five sets, as published
    srlab standard-table scale=2 weights=DIR 'sets=[set5,set14]'  # and what the weights in a folder give
    srlab standard-table scale=4 table=ntire2017_bicubic format=latex out=table.tex

weights= takes a folder of checkpoints, runs and authors' files, which are recognised by what is in them. Each row is
measured by its own protocol, on the sets under data.root=DIR, or SRLAB_DATA in the environment. docs/evaluation.md has
more.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from srlab.commands.arguments import Option, Tool, path, yes_or_no
from srlab.console import reported

TABLES = ("standard", "ntire2017_bicubic", "ntire2017_unknown")
FORMATS = {"markdown": ".md", "latex": ".tex", "csv": ".csv"}


def main(words: Sequence[str] | None = None) -> int:
    with reported():
        return TOOL.main(words)


def _standard_table(values: dict[str, Any]) -> None:
    from srlab.commands.literature_table import Request, write_table  # noqa: PLC0415 - imports PyTorch

    out: Path | None = values["out"]
    by_suffix = {suffix: name for name, suffix in FORMATS.items()}
    chosen = values["format"] or by_suffix.get("" if out is None else out.suffix, "markdown")
    request = Request(
        table=values["table"],
        scale=values["scale"],
        weights=values["weights"],
        sets=values["sets"] or None,
        rows=values["rows"] or None,
        root=values["data.root"],
        ensemble=values["ensemble"] is not False,
        tile=values["tile"],
        accelerator=values["trainer.accelerator"],
    )
    write_table(request, chosen, out)


TOOL = Tool(
    name="srlab standard-table",
    about=str(__doc__),
    places=(),
    options=(
        Option("scale", "2, 3, 4 or 8; NTIRE's tables have no 8", read=int, needed=True),
        Option("table", "which one", default="standard", choices=TABLES),
        Option("weights", "a folder: checkpoints, runs, authors' files; without it nothing is measured", read=path),
        Option("format", "by default that of out's ending, else markdown", choices=tuple(FORMATS)),
        Option("out", "a file to write to, in place of the terminal", read=path),
        Option("sets", "those to measure on; by default all of the table's that are there", many=True),
        Option("rows", "the methods to show, such as [edsr,edsr+]; by default all", many=True),
        Option("ensemble", "false: do not measure the rows with a +, which take 8 times as long", read=yes_or_no),
        Option("tile", "work on tiles of so many LR pixels a side", read=int),
        Option("data.root", "the folder of all sets", read=path, default=path(os.environ.get("SRLAB_DATA", "data"))),
        Option("trainer.accelerator", "where to measure", default="auto", choices=("auto", "cpu", "gpu", "mps")),
    ),
    run=_standard_table,
)
