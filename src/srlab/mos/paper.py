"""The mean opinion scores that the SRGAN paper prints (Ledig et al. 2017, tables 1 and 2)."""

import csv
import functools
from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).with_name("srgan_paper.csv")
RATERS = 26
TITLES = {"set5": "Set5", "set14": "Set14", "b100": "BSD100"}


@dataclass(frozen=True)
class PublishedScore:
    """A row of the paper's table 1 (variants of its own networks) or table 2 (its networks and those of others).

    psnr (dB) and ssim are by the paper's own protocol, so they do not compare with ours.
    """

    table: int
    set: str
    scale: int
    method: str
    psnr: float
    ssim: float
    mos: float


@functools.cache
def published_scores() -> tuple[PublishedScore, ...]:
    """Returns every row of srgan_paper.csv, which names its source."""
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return tuple(
        PublishedScore(
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
    """Returns the MOS that the paper prints for a set, scale and method; None where it has none. Case is ignored."""
    key = (image_set, scale, method.lower())
    return next((row.mos for row in published_scores() if (row.set, row.scale, row.method.lower()) == key), None)
