"""Files of strangers, opened one after the other: each is answered by a result or by one line, in bounded time."""

import resource
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from srlab.errors import SrlabError

SECONDS = 5.0  # of the processor, for one file opened in one way
MEMORY = 1 << 30  # bytes that a process may grow by


class TookTooLong(BaseException):
    """A file took more than SECONDS."""


@contextmanager
def limited() -> Iterator[None]:
    """Raises TookTooLong in the block after SECONDS of the processor."""

    def stop(*_: Any) -> None:
        raise TookTooLong

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


@dataclass
class Answers:
    """How files were answered.

    Attributes:
        failures: what came instead of a result or one line.
        grown: bytes of memory that the process grew by.
        longest: seconds of the processor, of one file in one way.
    """

    failures: list[str] = field(default_factory=list)
    grown: int = 0
    longest: float = 0.0

    def refused(self, what: str, open_it: Callable[[Path], Any], path: Path, longest: int, part: str = "") -> bool:
        """Opens a file, and tells whether it was refused by one line.

        Args:
            what: the file and the way in which it is opened, for a failure.
            open_it: opens it.
            path: of the file.
            longest: characters that the line may have.
            part: what the line must contain.
        """
        start = resource.getrusage(resource.RUSAGE_SELF).ru_utime
        try:
            with limited():
                open_it(path)
        except SrlabError as error:
            text = str(error)
            if "\n" in text or len(text) > longest or part not in text:
                self.failures.append(f"{what}: not one line{' with ' + part if part else ''}: {text[:300]!r}")
            return True
        except TookTooLong:
            self.failures.append(f"{what}: more than {SECONDS} s")
        except Exception:
            self.failures.append(f"{what}: {traceback.format_exc()}")
        finally:
            self.longest = max(self.longest, resource.getrusage(resource.RUSAGE_SELF).ru_utime - start)
        return False

    @contextmanager
    def watched_memory(self) -> Iterator[None]:
        """Notes by how much the process has grown in the block."""
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        yield
        self.grown = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)

    def report(self, title: str, table: str) -> int:
        """Prints what was found; returns the exit code: 1 where anything failed or the memory grew too far."""
        print(title)
        print(f"tracebacks, hangs: {len(self.failures)}; longest: {self.longest:.1f} s of the processor; "
              f"memory grew by {self.grown / 2**20:.0f} MiB")  # fmt: skip
        print(table)
        for failure in self.failures[:20]:
            print(failure)
        return int(bool(self.failures) or self.grown > MEMORY)
