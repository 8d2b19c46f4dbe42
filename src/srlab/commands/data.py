"""Data sets on the command line.

srlab data list                       the sets, and which of them are there
srlab data fetch NAME...              download, check and unpack; run again to go on after an interruption
srlab data check NAME|DIR...          tree, sizes, odd images, duplicates, and how exact the LR files are
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table

from srlab.console import reported, wide_console
from srlab.data.catalog import CATALOG, DEGRADATIONS, CatalogEntry, find_set, folder_of, parts_of, shared_images
from srlab.data.fetch import Choice, fetch
from srlab.errors import SrlabError
from srlab.imaging.files import SUFFIXES


def main(words: Sequence[str] | None = None) -> int:
    """Runs one command; 1 where a check found something wrong, 130 for Ctrl-C."""
    arguments = _parser().parse_args(words)
    try:
        with reported():
            return int(arguments.run(arguments))
    except KeyboardInterrupt:
        print("interrupted; what was downloaded is kept, and the same command goes on from there", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "srlab data", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    common = argparse.ArgumentParser(add_help=False)
    root = Path(os.environ.get("SRLAB_DATA", "data"))
    common.add_argument("--root", type=Path, default=root, help=f"data.root, from SRLAB_DATA or 'data' (now {root})")

    command = commands.add_parser("list", parents=[common], help="the sets, and which of them are there")
    command.set_defaults(run=_list)

    command = commands.add_parser("fetch", parents=[common], help="download sets")
    command.add_argument("names", nargs="+", metavar="NAME")
    command.add_argument(
        "--degradation", nargs="+", choices=[*DEGRADATIONS, "all"], help="LR images to fetch beside HR"
    )
    command.add_argument("--scale", nargs="+", type=int, help="of the LR images; all that there are by default")
    command.add_argument("--mirror", metavar="URL", help="a folder to download from in place of the official one")
    command.add_argument("--force", action="store_true", help="fetch anew, and replace what is there")
    command.add_argument("--keep", action="store_true", help="keep the archives, in ROOT/downloads")
    command.set_defaults(run=_fetch)

    command = commands.add_parser("check", parents=[common], help="check sets, or folders of images")
    command.add_argument("names", nargs="+", metavar="NAME|DIR")
    command.add_argument(
        "--against", nargs="*", metavar="NAME|DIR", help="look for duplicates there; by default in the sets of ROOT"
    )
    command.add_argument(
        "--images", type=int, default=20, help="LR images of a folder to compare with MATLAB's bicubic"
    )
    command.set_defaults(run=_check)
    return parser


def _list(arguments: argparse.Namespace) -> int:
    table = Table("name", "images", "there", "licence", "shares images with", title=f"sets under {arguments.root}")
    for entry in CATALOG.values():
        there = _there(entry, arguments.root.expanduser())
        others = [other.name for other in CATALOG.values() if other != entry and shared_images(entry, other)]
        table.add_row(entry.name, str(entry.count), there, entry.licence, ", ".join(others))
    wide_console().print(table)
    print("To get by yourself:")
    for entry in CATALOG.values():
        if entry.how:
            print(f"  {entry.name}: {' '.join(entry.how.split())}")
    return 0


def _there(entry: CatalogEntry, root: Path) -> str:
    """yes, how many of its images are there, or how to get it."""
    parts = parts_of(entry)
    folders = [folder for part in parts if (folder := folder_of(part, root)) is not None]
    found = sum(path.suffix.lower() in SUFFIXES for folder in folders for path in folder.iterdir())
    if found == entry.count:
        return "yes"
    return f"{found} of them" if found else "fetch it" if all(part.archives for part in parts) else "get it"


def _fetch(arguments: argparse.Namespace) -> int:
    entries = [find_set(name) for name in arguments.names]
    degradations = arguments.degradation or (["bicubic"] if arguments.scale else None)
    if degradations == ["all"]:
        degradations = [name for name in DEGRADATIONS if all(part.track(name) for e in entries for part in parts_of(e))]
    choice = Choice(
        degradations=None if degradations is None else tuple(degradations),
        scales=tuple(arguments.scale) if arguments.scale else None,
        mirror=arguments.mirror,
        force=arguments.force,
        keep=arguments.keep,
    )
    for entry in entries:
        print(f"{entry.name}: {entry.what} Licence: {entry.licence}.", flush=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as progress:
        lines = fetch(entries, arguments.root.expanduser(), choice, progress)
    print("\n".join(lines))
    return 0


def _check(arguments: argparse.Namespace) -> int:
    from srlab.data.check import Checker, counterparts, find_subjects, show  # noqa: PLC0415  torch takes seconds

    root = arguments.root.expanduser()
    if arguments.images < 1:
        raise SrlabError(f"--images {arguments.images}: expected 1 or more.")
    subjects = [subject for name in arguments.names for subject in find_subjects(name, root)]
    others = [subject for name in arguments.against or () for subject in find_subjects(name, root)]
    wrong = False
    with Progress(console=Console(stderr=True), transient=True) as progress:
        checker = Checker(root, progress, arguments.images)
        for subject in subjects:
            against = others if arguments.against is not None else counterparts(subject, root)
            report = checker.check(subject, [other for other in against if other != subject])
            show(report, wide_console())
            wrong |= report.wrong
    return int(wrong)
