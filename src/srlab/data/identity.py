"""Identity of image files by their content: names, sizes and SHA-256, whatever folder and times they have.

Reading gigabytes at every start would take minutes, so hashes are kept in the cache, a file for each folder of images.
A hash is taken from there as long as the image has the size and the times that it had when it was read.
"""

import hashlib
import json
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from srlab.atomic_write import write_text
from srlab.data import checksums
from srlab.data.one_at_a_time import one_at_a_time
from srlab.errors import SrlabError

FOLDER = "hashes"  # in the cache
# Seconds after a change within which another one may leave the same times: those of FAT disks are even seconds.
RECENT = 2.5
Facts = list[Any]  # size in bytes, times of the last changes of content and of file, SHA-256


def identity(paths: Sequence[Path], cache: Path | None = None) -> str:
    """Returns a key of some files, which changes with their order, their names without folders, or their content.

    Args:
        paths: of the files.
        cache: folder of all stores, where hashes are kept; None: all files are read.

    Raises:
        SrlabError: a file cannot be read.
    """
    by_folder: dict[Path, list[Path]] = {}
    for path in paths:
        by_folder.setdefault(path.parent, []).append(path)
    known: dict[Path, Facts] = {}
    for folder, files in by_folder.items():
        known.update(_facts_of(folder, files, cache))
    facts = [(path.name, known[path][0], known[path][3]) for path in paths]
    return hashlib.sha256(repr(facts).encode()).hexdigest()


def _facts_of(folder: Path, files: Sequence[Path], cache: Path | None) -> dict[Path, Facts]:
    """Returns the facts of files in one folder; reads those that are new, and one process at a time."""
    if cache is None:
        return _read(files)
    place = str(folder.resolve())
    memory = cache.expanduser() / FOLDER / f"{hashlib.sha256(place.encode()).hexdigest()[:32]}.json"
    facts = _remembered(memory, files)
    if len(facts) == len(files):
        return facts
    try:
        memory.parent.mkdir(parents=True, exist_ok=True)
        with one_at_a_time(memory.with_suffix(".lock"), f"{folder}: hashing images"):
            facts = _remembered(memory, files)
            new = _read([path for path in files if path not in facts])
            facts |= new
            _remember(memory, place, new)
    except OSError:  # a cache that others have filled may be one that this user cannot write
        facts |= _read([path for path in files if path not in facts])
    return facts


def _read(files: Sequence[Path]) -> dict[Path, Facts]:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(files, pool.map(_read_one, files), strict=True))


def _read_one(path: Path) -> Facts:
    try:
        before = _status(path)  # before its content: what is written meanwhile has other times
        return [*before, checksums.of_file(path)]
    except OSError as error:
        raise SrlabError(f"{path}: cannot be read ({error.strerror}).") from None


def _status(path: Path) -> Facts:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def _remembered(memory: Path, files: Sequence[Path]) -> dict[Path, Facts]:
    """Returns what the cache knows of files that have not changed since."""
    kept, facts = _content(memory), {}
    for path in files:
        with suppress(OSError):  # reading it says what is wrong
            if path.name in kept and kept[path.name][:3] == _status(path):
                facts[path] = kept[path.name]
    return facts


def _content(memory: Path) -> dict[str, Facts]:
    """Returns all that the cache knows of a folder: facts by the names of files."""
    try:
        content = json.loads(memory.read_text(encoding="utf-8"))
        return content["files"] if content["check"] == checksums.of_facts(content["files"]) else {}
    except (OSError, ValueError, TypeError, KeyError):  # none yet, or damaged: the files are read again
        return {}


def _remember(memory: Path, place: str, facts: dict[Path, Facts]) -> None:
    """Adds facts to what the cache knows of a folder, but not of files that have changed a moment ago."""
    changed = 2 if os.name == "posix" else 1  # on Windows the other time is that of the file's creation
    settled = 1e9 * (time.time() - RECENT)
    files = {path.name: fact for path, fact in facts.items() if fact[changed] < settled}
    if files:
        files = {**_content(memory), **files}
        write_text(memory, json.dumps({"folder": place, "files": files, "check": checksums.of_facts(files)}) + "\n")
