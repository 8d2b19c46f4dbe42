"""The line of jobs: one at a time is computed, in the order in which their uploads were complete."""

import asyncio
from types import TracebackType


class LineIsFull(Exception):
    """There is no place left."""


class Line:
    """All places.

    Args:
        capacity: places, that of the job which is computed included.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._taken = 0
        self._waiting: list[Place] = []

    def place(self) -> "Place":
        """Takes a place, to be used by `with`, which gives it back.

        Raises:
            LineIsFull: there is none left.
        """
        if self._taken >= self.capacity:
            raise LineIsFull
        self._taken += 1
        return Place(self)


class Place:
    """A place in the line, from before the upload until the job has ended."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._moved = asyncio.Event()

    def __enter__(self) -> "Place":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._line._taken -= 1
        if self in self._line._waiting:
            self._line._waiting.remove(self)
            for place in self._line._waiting:
                place._moved.set()

    def queue(self) -> None:
        """Joins those that wait, at their end."""
        self._line._waiting.append(self)

    @property
    def ahead(self) -> int:
        """Jobs that come before this one; 0: it is this one's turn."""
        return self._line._waiting.index(self)

    async def moves(self, seconds: float) -> None:
        """Waits until a job ahead has ended, or for so many seconds."""
        self._moved.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._moved.wait()
        except TimeoutError:
            return
