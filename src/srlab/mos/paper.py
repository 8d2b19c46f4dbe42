"""The SRGAN paper's mean opinion scores: the study that this one repeats."""

import csv
import functools
from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).with_name("srgan_paper.csv")
RATERS = 26
TITLES = {"set5": "Set5", "set14": "Set14", "b100": "BSD100"}


@dataclass(frozen=True)
class Published:
    """A row of the paper's table 1 (variants of its networks) or 2 (comparison with others).

    psnr [dB] and ssim: by the paper's own protocol.
    """

    table: int
    set: str
    scale: int
    method: str
    psnr: float
    ssim: float
    mos: float


@functools.cache
def published_scores() -> tuple[Published, ...]:
    """Every row of srgan_paper.csv, which names its source."""
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return tuple(
        Published(
            int(row["table"]),
            row["set"],
            int(row["scale"]),
            row["method"],
            float(row["psnr"]),
            float(row["ssim"]),
            float(row["mos"]),
        )
        for row in csv.DictReader(lines)
    )


def published_mos(image_set: str, scale: int, method: str) -> float | None:
    """In print for the same set, scale and method (whatever the case of its letters); else None."""
    key = (image_set, scale, method.lower())
    return next((row.mos for row in published_scores() if (row.set, row.scale, row.method.lower()) == key), None)
