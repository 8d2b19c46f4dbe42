"""Where everything of a figure of a paper stands: a whole image on the left, a grid of crops on the right."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from srlab.errors import SrlabError
from srlab.evaluation.windows import Window

FONT = 8.0  # points: the size of notes and captions in most papers
LINE = 1.25 * FONT / 72  # inches from a line of text to the next
GAP = 0.06  # inches between pictures
ASIDE = 0.1  # inches between the whole image and the grid
CAPTION = 2 * LINE + 0.05  # inches below a crop
MOST_LEFT = 0.7  # of the width, for the whole image
IN_A_ROW = 3  # crops that stand in one row; more stand in two
COLUMNS = 6  # most of them in two rows; more make more rows
ENOUGH = 0.01  # of the width of a crop may be lost to whole pixels


@dataclass(frozen=True)
class Box:
    """A place in a figure, in its pixels from the top left."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True)
class BlockLayout:
    """Where one image and its crops stand, in the pixels of the figure.

    Attributes:
        whole: the whole image.
        crops: row by row.
        factor: figure pixels to a pixel of HR, on each side.
        height: of all, with captions.
    """

    whole: Box
    crops: tuple[Box, ...]
    factor: int
    height: int


@dataclass(frozen=True)
class Shown:
    """What a block has to show.

    Attributes:
        height: of the whole image, in pixels of HR.
        width: likewise.
        window: that is enlarged.
        count: of crops, HR among them.
    """

    height: int
    width: int
    window: Window
    count: int

    @property
    def rows(self) -> int:
        return 1 if self.count <= IN_A_ROW else max(2, math.ceil(self.count / COLUMNS))

    @property
    def columns(self) -> int:
        return math.ceil(self.count / self.rows)

    def crop_width(self, width: float) -> float:
        """Returns how wide a crop is if all is `width` inches wide and the image as high as the grid, in inches."""
        aspect, crop_aspect = self.width / self.height, self.window.height / self.window.width
        gaps = ASIDE + (self.columns - 1) * GAP
        between = aspect * (self.rows - 1) * (CAPTION + GAP)
        cell = (width - gaps - between) / (self.columns + aspect * self.rows * crop_aspect)
        left = width - gaps - self.columns * cell
        return cell if left <= MOST_LEFT * width else ((1 - MOST_LEFT) * width - gaps) / self.columns


def density(shown: Sequence[Shown], width: float, least: int) -> int:
    """Chooses the pixels to the inch at which a pixel of HR becomes a whole number of them, as nearly as can be.

    Args:
        shown: the blocks.
        width: of the figure, in inches.
        least: the result is at least this, and at most twice as much.

    Raises:
        SrlabError: a crop has more pixels than its place in the figure.
    """
    lost = {dpi: max(_lost(block, width, dpi) for block in shown) for dpi in range(least, 2 * least + 1)}
    best = next((dpi for dpi, share in lost.items() if share <= ENOUGH), min(lost, key=lambda dpi: lost[dpi]))
    if lost[best] == 1:
        block = max(shown, key=lambda item: item.window.width / item.crop_width(width))
        needed = math.ceil(block.window.width / block.crop_width(width))
        raise SrlabError(
            f"dpi={least}: a crop of {block.window.width}x{block.window.height} pixels has no room in a figure of "
            f"width={width:g} inches. Say a smaller crop or size, or dpi={needed}."
        )
    return best


def _lost(block: Shown, width: float, dpi: int) -> float:
    """Returns which share of the width of a crop's place is not used; 1 where the crop has no room."""
    factor = block.crop_width(width) * dpi / block.window.width
    return 1 - math.floor(factor) / factor


def block_layout(block: Shown, width: float, dpi: int) -> BlockLayout:
    """Returns where a block's pictures stand, from its own top left.

    Args:
        block: what to show.
        width: of the figure, in inches.
        dpi: as `density` gives it.
    """
    factor = math.floor(block.crop_width(width) * dpi / block.window.width)
    across, down = factor * block.window.width, factor * block.window.height
    gap, caption, full = round(GAP * dpi), round(CAPTION * dpi), round(width * dpi)
    grid = block.columns * across + (block.columns - 1) * gap
    crops = tuple(
        Box(
            full - grid + index % block.columns * (across + gap),
            index // block.columns * (down + caption + gap),
            across,
            down,
        )
        for index in range(block.count)
    )
    room = full - grid - round(ASIDE * dpi), block.rows * (down + caption) + (block.rows - 1) * gap - caption
    scale = min(room[0] / block.width, room[1] / block.height)
    whole = Box(0, 0, max(1, round(scale * block.width)), max(1, round(scale * block.height)))
    return BlockLayout(whole, crops, factor, room[1] + caption)
