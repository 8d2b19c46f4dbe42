"""What the page accepts: it runs on small machines, and anyone may come."""

from dataclasses import asdict, dataclass
from typing import Any

MEGA = 10**6


@dataclass(frozen=True)
class Limits:
    """Bounds on a job and on the line of jobs.

    Attributes:
        bytes: of an uploaded file.
        pixels: of a photo, before it is enlarged.
        seconds: that one job may compute.
        line: jobs at a time: one that is computed, and the others that wait.
        upload_seconds: that an upload may take.
        keep_seconds: for which a result waits to be fetched.
        memory: bytes that the server and the process that computes may take together, which bounds the tiles.
    """

    bytes: int = 20 * MEGA
    pixels: int = 2 * MEGA
    seconds: float = 900
    line: int = 8
    upload_seconds: float = 120
    keep_seconds: float = 300
    memory: int = 1000 * MEGA

    def plain(self) -> dict[str, Any]:
        """Returns the limits as plain values, for the page."""
        return asdict(self)
