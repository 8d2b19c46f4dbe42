"""What a person sees in a terminal: tables in their full width, and errors as one line."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from srlab.errors import SrlabError

PIPED_WIDTH = 400  # columns; rich would cut to 80 what goes to a file or a pipe


def wide_console() -> Console:
    """Returns a console as wide as the terminal or, without a terminal, wide enough that nothing is cut."""
    console = Console()
    return console if console.is_terminal else Console(width=PIPED_WIDTH)


def print_whole(text: str) -> None:
    """Prints a text; says nothing where the reader has left, as `head` does."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # Python flushes once more when it ends, and would print a traceback then.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def reported() -> Iterator[None]:
    """Prints a SrlabError, or a disk that is full or read-only, as one line on stderr, and exits with code 1."""
    try:
        yield
    except SrlabError as error:
        line = str(error)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM):
            raise
        line = f"{error.filename or 'writing'}: {error.strerror}. Free some space, or choose another folder."
    else:
        return
    print(f"error: {line}", file=sys.stderr, flush=True)
    raise SystemExit(1)
