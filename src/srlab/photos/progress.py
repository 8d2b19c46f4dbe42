"""How far an image has come: a bar on a terminal, elsewhere a line now and then. Quick images show nothing."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from srlab.labels import markup_free, printable

QUICK = 1.0  # seconds; an image that takes less shows no bar
EVERY = 10.0  # seconds between lines where there is no terminal

OnProgress = Callable[[float], None]


class ProgressLines:
    """Prints a line such as `upscaling photo.jpg 37%`, at most one in EVERY seconds.

    Args:
        label: of the image.
        stream: what to print to.
        clock: seconds that only grow.
    """

    def __init__(self, label: str, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._label, self._stream, self._clock = label, stream, clock
        self._last = clock()

    def __call__(self, share: float) -> None:
        if (now := self._clock()) - self._last >= EVERY:
            self._last = now
            print(f"upscaling {printable(self._label)} {share:.0%}", file=self._stream, flush=True)


class _Bar:
    """A bar that appears after QUICK seconds and disappears in the end."""

    def __init__(self, label: str) -> None:
        columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
        self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._bar.add_task(f"upscaling {markup_free(label)}", total=1.0)
        self._began, self._shown = time.monotonic(), False

    def __call__(self, share: float) -> None:
        if not self._shown and time.monotonic() - self._began >= QUICK:
            self._shown = True
            self._bar.start()
        self._bar.update(self._task, completed=share)

    def stop(self) -> None:
        if self._shown:
            self._bar.stop()


@contextmanager
def progress_of(label: str) -> Iterator[OnProgress]:
    """Yields what shows on stderr how far an image has come; call it with the share that is done, in [0, 1]."""
    if not sys.stderr.isatty():
        yield ProgressLines(label, sys.stderr)
        return
    bar = _Bar(label)
    try:
        yield bar
    finally:
        bar.stop()
