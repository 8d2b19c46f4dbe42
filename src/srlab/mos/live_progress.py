"""What `srlab mos serve` prints while raters are at work."""

import threading
import time
from collections.abc import Callable, Mapping

from srlab.mos.limited_log import say

INTERVAL = 30.0  # seconds between two lines, milestones apart
QUARTERS = 4  # of all ratings of the study: a line at each


class LiveProgress:
    """Counts ratings as they are stored, and prints a line such as "rater 3: 40 of 120; all: 412 of 2400".

    A line is printed at a rater's first and last rating and at each quarter of the study. Any other rating prints one
    if it comes INTERVAL seconds or more after the last line. Safe for any number of threads.

    Args:
        planned: by rater, how many trials there are.
        rated: by rater, how many of them are rated already.
        clock: returns seconds.
    """

    def __init__(
        self, planned: Mapping[int, int], rated: Mapping[int, int], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._planned, self._rated, self._clock = dict(planned), dict(rated), clock
        self._total = sum(self._planned.values())
        self._last = clock()
        self._lock = threading.Lock()

    def add(self, rater: int) -> None:
        """Counts one more rating of a rater, once it is stored."""
        with self._lock:
            before = self._all
            self._rated[rater] = self._rated.get(rater, 0) + 1
            own, planned, now = self._rated[rater], self._planned[rater], self._clock()
            quarter = before * QUARTERS // self._total < self._all * QUARTERS // self._total
            if own in (1, planned) or quarter or now - self._last >= INTERVAL:
                self._last = now
                say(f"rater {rater}: {own} of {planned}; all: {self._all} of {self._total}")

    @property
    def _all(self) -> int:
        return sum(self._rated.values())
