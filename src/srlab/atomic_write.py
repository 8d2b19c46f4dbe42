"""Files and folders that appear whole or not at all: written beside their place under another name, then renamed.

What has been renamed is on the disk: the file is flushed before, and its folder after. Temporary names are unique, so
two processes that write the same file do not write into each other's.
"""

import errno
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TEMPORARY = re.compile(r"\.[0-9a-f]{8}\.part")  # what temporary names end with
KEPT = 50  # characters of a name in its temporary name: a name may have 255 bytes, and a character up to four
ABANDONED = 86400  # seconds after which a temporary file or folder is taken for one of a process that died


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Gives the path of a temporary file beside `path`, and renames it to `path` when the block has ended well.

    What was at `path` before stays there until then. After an error the temporary file is removed.
    """
    partial = partial_name(path)
    try:
        yield partial
        flush(partial)
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    flush_folder(path.parent)


def write_text(path: Path, text: str) -> None:
    """Writes a text file in UTF-8, with the line ends that `text` has."""
    with atomic_write(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="")


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """Gives an empty folder beside `folder`, and renames it to `folder` when the block has ended well.

    What attempts left that ended more than a day ago is removed first. After an error the temporary folder is removed.

    Raises:
        OSError: something cannot be written, or `folder` exists and is not empty.
    """
    partial = partial_name(folder)
    partial.mkdir(parents=True)
    remove_abandoned(folder.parent, folder.name)
    try:
        yield partial
        for path in sorted(partial.rglob("*")):
            flush(path) if path.is_file() else flush_folder(path)
        flush_folder(partial)
        if folder.exists():
            folder.rmdir()
        partial.replace(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    flush_folder(folder.parent)


def partial_name(path: Path) -> Path:
    """Returns a new name beside `path` for what becomes `path`; it begins with the same letters."""
    return path.with_name(f"{path.name[:KEPT]}.{secrets.token_hex(4)}.part")


def is_temporary(path: Path) -> bool:
    """Tells whether a path has a name as `partial_name` gives."""
    return TEMPORARY.fullmatch(path.name[-len(".12345678.part") :]) is not None


def remove_abandoned(folder: Path, name: str = "", age: float = ABANDONED) -> None:
    """Removes temporary files and folders that processes left which died.

    Args:
        folder: that they are in.
        name: of the file or folder that they would have become; "" for any.
        age: in seconds, since they were changed last.
    """
    for path in folder.iterdir():
        if path.name.startswith(name[:KEPT]) and is_temporary(path) and _age(path) >= age:
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def _age(path: Path) -> float:
    """Seconds since a file was changed; 0 for one that is gone."""
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def flush(path: Path) -> None:
    """Waits until a file's content is on the disk."""
    # Windows flushes only what may be written; elsewhere the file may be a read-only one.
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def flush_folder(folder: Path) -> None:
    """Waits until the names in a folder are on the disk. Does nothing where the system has no such operation."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network disks
            raise
    finally:
        os.close(descriptor)
