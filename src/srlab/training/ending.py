"""What ends a training before its last step: a signal, or trainer.max_time. The step is finished and saved first."""

import os
import re
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from srlab.errors import SrlabError

# Ctrl-C; kill, and what schedulers send before they take a machine away; a terminal that was closed.
SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGUSR1", "SIGHUP") if hasattr(signal, name))
TIME_IS_UP = 75  # EX_TEMPFAIL of sysexits.h: try again
CODES = (*(128 + number for number in SIGNALS), TIME_IS_UP)
TWICE = 1.0  # seconds after which a second signal is one more, and not the same one by way of the process group


class Ended(SystemExit):
    """A run has been ended before its time. It is not an error, and nothing is lost.

    Args:
        code: the exit code: 128 + the signal's number, or TIME_IS_UP.
        shown: whether a line about it has been printed.
        saved: whether it was between two steps, and all processes of the run have saved it together.
    """

    def __init__(self, code: int, shown: bool = False, saved: bool = False) -> None:
        super().__init__(code)
        self.exit_code, self.shown, self.saved = code, shown, saved


def reason(code: int) -> str:
    """Returns what an exit code of CODES stands for: SIGTERM, Ctrl-C, trainer.max_time."""
    if code == TIME_IS_UP:
        return "trainer.max_time"
    return "Ctrl-C" if code == 128 + signal.SIGINT else signal.Signals(code - 128).name


class Ending:
    """Whether this process has been asked to end.

    A signal ends the process at once, by `Ended`, unless `waiting` is set: then it is only noted, and who has set it
    looks at `code` where the process can end. A second signal ends the process at once in any case.

    Args:
        seconds: from now on, after which the process is to end; None for no limit.
    """

    def __init__(self, seconds: float | None = None) -> None:
        self.deadline = None if seconds is None else time.monotonic() + seconds
        self.waiting = False
        self.signal = 0  # the first one
        self._at = 0.0  # when it came
        self.before: dict[int, Any] = {}

    @property
    def code(self) -> int:
        """The exit code to end with; 0 to go on."""
        if self.signal:
            return 128 + self.signal
        return TIME_IS_UP if self.deadline is not None and time.monotonic() >= self.deadline else 0

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Handles signals in this block. One that the process was started to ignore (nohup) is ignored still."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        self.before = {number: signal.getsignal(number) for number in SIGNALS}
        self.before = {number: handler for number, handler in self.before.items() if handler is not signal.SIG_IGN}
        try:
            self.listen()
            yield
        finally:
            for number, handler in self.before.items():
                signal.signal(number, handler)

    def listen(self) -> None:
        """Sets the handlers again, after Lightning has set its own."""
        if threading.current_thread() is threading.main_thread():
            for number in self.before:
                signal.signal(number, self._note)

    def _note(self, number: int, frame: object) -> None:
        now = time.monotonic()
        if self.waiting and not self.signal:
            self.signal, self._at = number, now
        elif not self.waiting or now - self._at >= TWICE:
            raise Ended(128 + number)

    def pass_on(self) -> None:
        """Calls the handler that was set for the signal before, such as submitit's, which starts the job again."""
        handler = self.before.get(self.signal)
        if callable(handler) and handler is not signal.default_int_handler:
            handler(self.signal, None)


def say(line: str) -> None:
    """Prints a line. The terminal may be what has gone: then there is nobody to read it."""
    try:
        print(line, flush=True)
    except OSError:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8", newline="")  # noqa: SIM115 - Python flushes it at the end


def seconds_of_max_time(text: str | None) -> float | None:
    """Returns trainer.max_time in seconds. It is HH:MM or HH:MM:SS; None for no limit. Raises SrlabError otherwise."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d+):([0-5]\d)(?::([0-5]\d))?", text)
    seconds = 0 if match is None else 3600 * int(match[1]) + 60 * int(match[2]) + int(match[3] or 0)
    if not seconds:
        raise SrlabError(f"trainer.max_time={text}: expected HH:MM or HH:MM:SS, such as 11:30 for 11 hours and a half.")
    return float(seconds)


def steps_or_seconds(text: str | None) -> tuple[int | None, float | None]:
    """Returns trainer.save_every as (steps, None) or (None, seconds); (None, None) for none.

    Raises:
        SrlabError: it is neither a number of steps nor of minutes, such as 500 and 10min.
    """
    if text is None:
        return None, None
    match = re.fullmatch(r"(\d+)\s*(s|min|h)?", text.strip())
    if match is None or int(match[1]) < 1:
        raise SrlabError(f"trainer.save_every={text}: expected steps or a time, such as 500, 10min or 1h.")
    if match[2] is None:
        return int(match[1]), None
    return None, int(match[1]) * {"s": 1.0, "min": 60.0, "h": 3600.0}[match[2]]
