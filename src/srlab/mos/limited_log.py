"""What a server prints: a few lines a minute, so that strangers cannot fill a disk with its log."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable

from srlab.labels import printable_line

LINES, SECONDS = 20, 60.0  # at most LINES in SECONDS
LONGEST = 500  # characters of a line


def say(text: str) -> None:
    """Prints a line; says nothing where it cannot be written, as on a full disk: that must not lose a rating."""
    with contextlib.suppress(OSError):
        print(text, flush=True)


class LimitedLog(logging.Handler):
    """Prints messages of the server's packages as lines, without tracebacks, and counts those that are too many.

    Args:
        clock: returns seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock, self._since, self._printed, self._left_out = clock, clock(), 0, 0
        self._counting = threading.Lock()

    def emit(self, record: logging.LogRecord) -> None:
        line = record.getMessage().partition("\n")[0]
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            line = f"{line.strip()}: {type(error).__name__}: {str(error).partition(chr(10))[0]}"
        self.line(f"{record.levelname.lower()}: {line}")

    def line(self, text: str) -> None:
        """Prints one line, or counts it."""
        with self._counting:
            now = self._clock()
            if now - self._since >= SECONDS:
                if self._left_out:
                    say(f"{self._left_out} more messages were left out")
                self._since, self._printed, self._left_out = now, 0, 0
            if self._printed >= LINES:
                self._left_out += 1
                return
            self._printed += 1
        say(printable_line(text[:LONGEST]))

    def listen_to(self, *loggers: str) -> None:
        """Makes this the only handler of loggers, by name."""
        for name in loggers:
            logger = logging.getLogger(name)
            logger.handlers, logger.propagate = [self], False
            logger.setLevel(logging.WARNING if name == "asyncio" else logging.ERROR)
