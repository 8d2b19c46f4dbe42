"""Where the patches of a batch come from. Batches do not carry it: the draw of a step is computed again."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from srlab.data.patches import PatchDataset
from srlab.labels import printable

MOST = 8  # patches that a line names


class Crop(NamedTuple):
    """The place of an HR patch.

    Attributes:
        name: of the image; its path where it is a file.
        scale: HR over LR side.
        top: its first row in the HR image.
        left: its first column.
    """

    name: str
    scale: int
    top: int
    left: int


def crops_of(dataset: PatchDataset, step: int) -> list[Crop]:
    """Returns the patches of all ranks in a step, which is counted in batches."""
    draw, margin = dataset.sampler.draw(step), dataset.sampler.shape.margin
    columns = (draw.image.tolist(), draw.scale.tolist(), draw.top.tolist(), draw.left.tolist())
    return [
        Crop(dataset.hr.names[image // dataset.versions], scale, (top + margin) * scale, (left + margin) * scale)
        for image, scale, top, left in zip(*columns, strict=True)
    ]


def described(crops: Sequence[Crop]) -> str:
    """Names patches in a line: 0801.png (x2, row 96, column 248), and so on."""
    named = [f"{printable(Path(c.name).name)} (x{c.scale}, row {c.top}, column {c.left})" for c in crops[:MOST]]
    more = [f"{len(crops) - MOST} more"] if len(crops) > MOST else []
    return ", ".join([*named, *more])
