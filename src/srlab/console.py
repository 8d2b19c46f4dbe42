"""What a person sees in a terminal: tables in their full width, and errors as one line.

A reader that leaves, as `| head` does, ends nothing: the work goes on, and what is printed after that is dropped.
"""

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console

from srlab.errors import SrlabError
from srlab.labels import printable_line

PIPED_WIDTH = 400  # columns; rich would cut to 80 what goes to a file or a pipe
FULL_OR_READ_ONLY = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)
NO_READER = (errno.EPIPE, errno.EINVAL) if os.name == "nt" else (errno.EPIPE,)


def wide_console() -> Console:
    """Returns a console as wide as the terminal or, without a terminal, wide enough that nothing is cut."""
    console = Console()
    return console if console.is_terminal else Console(width=PIPED_WIDTH)


_kept_open: list[Any] = []  # the streams that `outlive_readers` has replaced


class _Pipe(io.RawIOBase):
    """A file descriptor that takes everything, also when nobody reads the pipe any more.

    Args:
        descriptor: of standard output or of standard error.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, data: Any) -> int:
        rest = memoryview(data).cast("B")
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
            return len(data)
        except OSError as error:
            if error.errno not in NO_READER:
                raise
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._descriptor)  # for programs that this one starts, too
            os.close(nowhere)
            return len(data)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)


def outlive_readers() -> None:
    """Makes standard output and error take what is printed when their reader has left, instead of raising an error.

    What Python has in their place already, as a test or a notebook does, stays.
    """
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        stream = getattr(sys, name)
        if type(stream) is not io.TextIOWrapper:
            continue
        buffer = stream.buffer
        buffered = isinstance(buffer, io.BufferedWriter)  # not so with python -u
        if type(buffer.raw if buffered else buffer) is not io.FileIO or stream.fileno() != descriptor:
            continue
        pipe: Any = io.BufferedWriter(_Pipe(descriptor)) if buffered else _Pipe(descriptor)
        kept = io.TextIOWrapper(
            pipe,
            stream.encoding,
            stream.errors,
            line_buffering=stream.line_buffering,
            write_through=stream.write_through,
        )
        stream.flush()
        _kept_open.append(stream)  # Python would close the descriptor with it
        setattr(sys, name, kept)
        setattr(sys, f"__{name}__", kept)


def print_whole(text: str) -> None:
    """Prints a text; says nothing where the reader has left, as `head` does."""
    outlive_readers()
    print(text, flush=True)


@contextmanager
def reported() -> Iterator[None]:
    """Prints a SrlabError, or a disk that is full or read-only, as one line on stderr, and exits with code 1."""
    outlive_readers()
    try:
        yield
    except (SrlabError, OSError) as error:
        line = one_line(error)
        if line is None:
            raise
    else:
        return
    print(f"error: {printable_line(line)}", file=sys.stderr, flush=True)
    raise SystemExit(1)


def one_line(error: BaseException) -> str | None:
    """Returns what a person is told of an error instead of a traceback; None for one that is a mistake of srlab's."""
    if isinstance(error, SrlabError):
        return str(error)
    if isinstance(error, OSError) and error.errno in FULL_OR_READ_ONLY:
        return f"{error.filename or 'writing'}: {error.strerror}. Free some space, or choose another folder."
    return None
