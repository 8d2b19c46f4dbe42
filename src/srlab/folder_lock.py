"""One owner of a folder: a training or an evaluation that writes there, and nobody else meanwhile.

The lock is the operating system's, so a process that dies, in whatever way, holds it no longer. Who holds it stands in
a file beside it, for the message only.
"""

import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from srlab.atomic_write import write_text
from srlab.errors import SrlabError

LOCK, OWNER = ".lock", ".lock.owner"
WAIT = 1.0  # seconds; another process may hold the lock for a moment only to see whether it is free


@contextmanager
def owned(folder: Path, work: str, other: str) -> Iterator[None]:
    """Has this process own a folder, which exists, until the block ends.

    Args:
        folder: that the block writes to.
        work: what the block does, for the message to others: "training".
        other: what another process can say to write elsewhere, for the same message: "name=OTHER".

    Raises:
        SrlabError: another process owns the folder; the message has its number and its host.
    """
    lock = FileLock(folder / LOCK)
    if not _taken(lock, folder, other):
        print(f"{folder}: this disk has no locks. Nobody else must write there meanwhile.", file=sys.stderr)
        yield
        return
    try:
        owner = {"pid": os.getpid(), "host": socket.gethostname(), "work": work}
        write_text(folder / OWNER, json.dumps(owner) + "\n")
        yield
    finally:
        (folder / OWNER).unlink(missing_ok=True)
        lock.release()


def check_not_owned(folder: Path, other: str) -> None:
    """Raises SrlabError where another process owns a folder. The arguments are those of `owned`."""
    if (folder / LOCK).is_file():
        lock = FileLock(folder / LOCK)
        _taken(lock, folder, other)
        lock.release()


def _taken(lock: FileLock, folder: Path, other: str) -> bool:
    """Takes a lock; returns False where the disk has none. Raises SrlabError where another process has it."""
    try:
        lock.acquire(timeout=WAIT)
    except Timeout:
        raise SrlabError(f"{folder}: {_owner(folder)}. Wait until it has ended, or say {other}.") from None
    except NotImplementedError:
        return False
    return True


def _owner(folder: Path) -> str:
    try:
        owner: Any = json.loads((folder / OWNER).read_text(encoding="utf-8"))
        return f"process {owner['pid']} on {owner['host']} is {owner['work']} there"
    except (OSError, ValueError, TypeError, KeyError):  # it has just begun, or just ended
        return "another process is at work there"
