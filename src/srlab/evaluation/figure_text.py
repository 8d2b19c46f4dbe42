"""Text below the pictures of a paper's figure: measured, made smaller or cut where it has no room, partly bold."""

import bisect
import functools
from collections.abc import Iterable
from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

from srlab.labels import LONGEST, in_figure

FONTS = ("STIXGeneral", "DejaVu Sans")  # Times, as most papers have it, which comes with matplotlib; what it lacks
SIZES = (8.0, 7.5, 7.0, 6.5, 6.0, 5.5)  # points
FILLED = 0.98  # of the width, at most
LARGE = 100.0  # points, at which text is measured


@dataclass(frozen=True)
class Words:
    """A line.

    Attributes:
        parts: one after the other, without spaces between them. Names of strangers may be among them.
        bold: which parts are.
    """

    parts: tuple[str, ...]
    bold: tuple[bool, ...] = (False,)

    def width(self, size: float) -> float:
        """Returns how wide the line is, in points."""
        return sum(self.widths(size))

    def widths(self, size: float) -> list[float]:
        """Returns how wide each part is, in points; the spaces around it count."""
        return [size * _width(part, bold) for part, bold in zip(self.parts, self.bold, strict=True)]

    def cut(self, size: float, width: float) -> "Words":
        """Returns the line, or as much of a line of one part as there is room for, in points."""
        if len(self.parts) > 1 or self.width(size) <= width:
            return self
        beginnings = [Words((self.parts[0][:length].rstrip() + "…",), self.bold) for length in range(LONGEST)]
        fitting = bisect.bisect_right(beginnings, width, key=lambda words: words.width(size))
        return beginnings[max(1, fitting - 1)]


def _font(size: float, bold: bool) -> FontProperties:
    return FontProperties(family=list(FONTS), size=size, weight="bold" if bold else "normal")


@functools.lru_cache(maxsize=1000)
def _width(text: str, bold: bool) -> float:
    """At a size of 1 point. Between two bars, so that spaces at the ends count."""
    font = _font(LARGE, bold)
    barred, bars = (TextPath((0, 0), words, prop=font).get_extents().width for words in (f"|{in_figure(text)}|", "||"))
    return float(barred - bars) / LARGE


def fitting_size(lines: Iterable[Words], width: float) -> float:
    """Returns the largest of SIZES at which all lines have room, in points; the smallest where they do not."""
    widest = max(line.width(SIZES[0]) for line in lines) / SIZES[0]
    return next((size for size in SIZES if widest * size <= FILLED * width), SIZES[-1])


def write_line(figure: Figure, words: Words, size: float, place: tuple[float, float], room: float) -> None:
    """Writes a line, centred.

    Args:
        figure: to write on.
        words: the line, which is cut where it is too long.
        size: in points.
        place: (x of the middle, y of the base line), in inches from the bottom left.
        room: width, in inches.
    """
    words = words.cut(size, 72 * room)
    across, up = figure.get_size_inches()
    left = place[0] - words.width(size) / 72 / 2
    for part, bold, width in zip(words.parts, words.bold, words.widths(size), strict=True):
        figure.text(left / across, place[1] / up, in_figure(part), fontproperties=_font(size, bold), va="baseline")
        left += width / 72
