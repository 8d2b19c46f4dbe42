"""How far an evaluation has come: a bar on a terminal, elsewhere a line now and then."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from srlab.distributed import rank_and_world
from srlab.labels import markup_free, printable

EVERY = 10.0  # seconds between lines; an evaluation that takes less has none

ShowProgress = Callable[[str, int, int, str], None]  # set and scale, images done, images in all, method


def no_progress(place: str, done: int, total: int, method: str) -> None:
    """Shows nothing."""


class ProgressLines:
    """Prints a line such as `evaluating b100 x2 37/100, edsr_baseline`, at most one in EVERY seconds.

    Args:
        stream: what to print to.
        clock: seconds that only grow.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._last = clock()

    def __call__(self, place: str, done: int, total: int, method: str) -> None:
        if (now := self._clock()) - self._last >= EVERY:
            self._last = now
            print(f"evaluating {printable(place)} {done}/{total}, {printable(method)}", file=self._stream, flush=True)


@contextmanager
def progress_shown() -> Iterator[ShowProgress]:
    """Yields what shows the progress on stderr, on the first rank only; a bar disappears in the end."""
    if rank_and_world()[0] != 0:
        yield no_progress
    elif not sys.stderr.isatty():
        yield ProgressLines(sys.stderr)
    else:
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("evaluating", total=None)

            def show(place: str, done: int, total: int, method: str) -> None:
                bar.update(
                    task,
                    description=f"evaluating {markup_free(place)}, {markup_free(method)}",
                    completed=done,
                    total=total,
                )

            yield show
