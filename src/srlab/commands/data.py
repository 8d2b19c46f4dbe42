"""Lists, fetches and checks sets of images.

    srlab data list                            # the sets, and which of them are there
    srlab data fetch div2k_train div2k_valid   # download, check and unpack; run again to go on after an interruption
    srlab data check photos against=[set5]     # tree, sizes, odd images, duplicates, and how exact the LR files are
    srlab data cache                           # reads all decoded images in the cache, and removes damaged ones

Sets are under data.root=DIR, or SRLAB_DATA in the environment.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table

from srlab.commands.arguments import Option, Place, Tool, path, run_one_of, yes_or_no
from srlab.console import reported, wide_console
from srlab.errors import SrlabError

if TYPE_CHECKING:
    from srlab.data.catalog import CatalogEntry


def main(words: Sequence[str] | None = None) -> int:
    """Runs one command; 1 where a check found something wrong, 130 for Ctrl-C."""
    try:
        with reported():
            return run_one_of("srlab data", str(__doc__), TOOLS, words)
    except KeyboardInterrupt:
        print("interrupted; what was downloaded is kept, and the same command goes on from there", file=sys.stderr)
        return 130


def _list(values: dict[str, Any]) -> int:
    from srlab.data.catalog import CATALOG  # noqa: PLC0415 - imports PyTorch: --help answers at once
    from srlab.data.overlaps import shared_images  # noqa: PLC0415

    root = values["data.root"]
    table = Table("name", "images", "there", "licence", "shares images with", title=f"sets under {root}")
    for entry in CATALOG.values():
        there = _there(entry, root)
        others = [other.name for other in CATALOG.values() if other != entry and shared_images(entry, other)]
        table.add_row(entry.name, str(entry.count), there, entry.licence, ", ".join(others))
    wide_console().print(table)
    print("To get by yourself:")
    for entry in CATALOG.values():
        if entry.how:
            print(f"  {entry.name}: {' '.join(entry.how.split())}")
    return 0


def _there(entry: "CatalogEntry", root: Path) -> str:
    """Returns yes, how many of its images are there, or how to get it."""
    from srlab.data.catalog import folder_of, parts_of  # noqa: PLC0415
    from srlab.imaging.folders import content_of  # noqa: PLC0415

    parts = parts_of(entry)
    folders = [folder for part in parts if (folder := folder_of(part, root)) is not None]
    found = sum(len(content_of(folder).images) for folder in folders)
    if found == entry.count:
        return "yes"
    return f"{found} of them" if found else "fetch it" if all(part.archives for part in parts) else "get it"


def _fetch(values: dict[str, Any]) -> int:
    from srlab.data.catalog import DEGRADATIONS, find_set, parts_of  # noqa: PLC0415
    from srlab.data.fetch import Choice, fetch  # noqa: PLC0415

    entries = [find_set(name) for name in values["name"]]
    degradations = values["data.degradation"] or (["bicubic"] if values["scale"] else None)
    if degradations == ["all"]:
        degradations = [name for name in DEGRADATIONS if all(part.track(name) for e in entries for part in parts_of(e))]
    choice = Choice(
        degradations=None if degradations is None else tuple(degradations),
        scales=tuple(values["scale"]) if values["scale"] else None,
        mirror=values["mirror"],
        force=values["force"],
        keep=values["keep"],
    )
    for entry in entries:
        print(f"{entry.name}: {entry.what} Licence: {entry.licence}.", flush=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as progress:
        lines = fetch(entries, values["data.root"], choice, progress)
    print("\n".join(lines))
    return 0


def _check(values: dict[str, Any]) -> int:
    from srlab.data.check import Checker, counterparts, find_subjects, show  # noqa: PLC0415  torch takes seconds

    root = values["data.root"]
    if values["images"] < 1:
        raise SrlabError(f"images={values['images']}: expected 1 or more.")
    subjects = [subject for name in values["name"] for subject in find_subjects(name, root, values["data.recursive"])]
    others = [subject for name in values["against"] or () for subject in find_subjects(name, root)]
    wrong = False
    with Progress(console=Console(stderr=True), transient=True) as progress:
        checker = Checker(root, progress, values["images"])
        for subject in subjects:
            against = others if values["against"] is not None else counterparts(subject, root)
            report = checker.check(subject, [other for other in against if other != subject])
            show(report, wide_console())
            wrong |= report.wrong
    return int(wrong)


def _cache(values: dict[str, Any]) -> int:
    from srlab.data.check_cache import check_cache, remove_damaged  # noqa: PLC0415 - imports PyTorch

    cache, wrong = values["data.cache"], False
    for state in check_cache(cache):
        size = f"{state.folder.name}: {state.origin or 'decoded images'}, {state.bytes / 1e9:.2f} GB"
        if state.damage:
            remove_damaged(state)
            wrong = True
            print(f"{size}: {state.damage}; removed, and the next run that needs it makes it anew")
        elif state.older:
            print(f"{size}: of an older version of srlab; no run of this one reads it, and it can be removed")
        else:
            print(f"{size}: whole")
    return int(wrong)


ROOT = Option("data.root", "the folder of all sets", read=path, default=path(os.environ.get("SRLAB_DATA", "data")))
TOOLS = {
    "list": Tool(
        name="srlab data list",
        about="Lists the sets, and which of them are there.",
        places=(),
        options=(ROOT,),
        run=_list,
    ),
    "fetch": Tool(
        name="srlab data fetch",
        about="Downloads sets, checks and unpacks them.",
        places=(Place("NAME", "a set that srlab data list names", many=True),),
        options=(
            ROOT,
            Option("data.degradation", "LR images to fetch beside HR, such as unknown; all: every kind", many=True),
            Option("scale", "of the LR images; all that there are by default", read=int, many=True),
            Option("mirror", "URL of a folder to download from in place of the official one"),
            Option("force", "true: fetch anew, and replace what is there", read=yes_or_no, default=False),
            Option("keep", "true: keep the archives, in data.root/downloads", read=yes_or_no, default=False),
        ),
        run=_fetch,
    ),
    "check": Tool(
        name="srlab data check",
        about="Checks sets, or folders of images.",
        places=(Place("NAME", "a set, or a folder", many=True),),
        options=(
            ROOT,
            Option("against", "sets and folders in which to look for duplicates; by default the sets there", many=True),
            Option("images", "LR images of a folder to compare with MATLAB's bicubic", read=int, default=20),
            Option("data.recursive", "true: folders' subfolders are read too", read=yes_or_no, default=False),
        ),
        run=_check,
    ),
    "cache": Tool(
        name="srlab data cache",
        about="Reads all decoded images in the cache, and removes damaged stores.",
        places=(),
        options=(
            Option(
                "data.cache",
                "the folder of decoded images",
                read=path,
                default=path(os.environ.get("SRLAB_CACHE", "~/.cache/srlab")),
            ),
        ),
        run=_cache,
    ),
}
