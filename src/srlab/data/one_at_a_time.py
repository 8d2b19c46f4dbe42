"""Work that one process does while the others wait and then find it done."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

PATIENCE = 2.0  # seconds of waiting before a line says so


@contextmanager
def one_at_a_time(lock: Path, work: str) -> Iterator[bool]:
    """Waits until no other process is in a block with the same lock, of this machine or of another on the same disk.

    A process that dies lets go of it. The file stays: to remove it while others wait for it would part them.

    Args:
        lock: a file, in a folder that exists.
        work: what the block does, for a line to those who wait.

    Yields:
        Whether this process is alone; False where the disk has no locks.

    Raises:
        OSError: the file cannot be written.
    """
    held = FileLock(lock)
    try:
        try:
            held.acquire(timeout=PATIENCE)
        except Timeout:
            print(f"{work}: waiting for another process that does it.", file=sys.stderr, flush=True)
            held.acquire()
        alone = True
    except NotImplementedError:
        alone = False
    try:
        yield alone
    finally:
        held.release()
