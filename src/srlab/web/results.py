"""Results that wait to be fetched, in files without a name: no other program finds them, and none is left behind."""

import asyncio
import os
import secrets
import tempfile
from collections.abc import Iterator
from typing import BinaryIO

PART = 2**18  # bytes that are sent at once


def nameless_file() -> BinaryIO:
    """Opens a temporary file that has no name: it is gone when it is closed, or when its processes end, however."""
    return tempfile.TemporaryFile(prefix="srlab-web-")


def parts(file: BinaryIO) -> Iterator[bytes]:
    """Yields all bytes of a file, and closes it. Other readers of the same file are not disturbed."""
    with file:
        at = 0
        while part := os.pread(file.fileno(), PART, at):
            yield part
            at += len(part)


class Results:
    """Files by a token that nobody can guess. A file goes once it was fetched as a whole, or after some time.

    Args:
        keep_seconds: how long a file waits.
        most: files at a time; beyond that, the oldest goes.
    """

    def __init__(self, keep_seconds: float, most: int = 16) -> None:
        self.keep_seconds, self.most = keep_seconds, most
        self._files: dict[str, BinaryIO] = {}

    def add(self, file: BinaryIO) -> str:
        """Takes over a file and returns its token."""
        token = secrets.token_urlsafe(18)
        self._files[token] = file
        asyncio.get_running_loop().call_later(self.keep_seconds, self.drop, token)
        while len(self._files) > self.most:
            self.drop(next(iter(self._files)))
        return token

    def reader(self, token: str) -> BinaryIO | None:
        """Opens a file for one reader, who keeps it where it is dropped meanwhile; None where there is none."""
        file = self._files.get(token)
        return None if file is None else os.fdopen(os.dup(file.fileno()), "rb")

    def drop(self, token: str) -> None:
        """Closes a file, which removes it; nothing happens where there is none."""
        file = self._files.pop(token, None)
        if file is not None:
            file.close()

    def clear(self) -> None:
        """Closes all files."""
        for token in list(self._files):
            self.drop(token)
