"""What figures of points share: colours and markers that can be told apart, names that find room, and saving."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from srlab.atomic_write import atomic_write

DPI = 110
# Okabe and Ito's colours, which the colour-blind tell apart, without yellow, which is too pale for a line.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DIRECTIONS = 8  # in which a name may stand beside its point
NAMED = 10  # points whose names find room beside them; more are numbered

Point = tuple[float, float]


def name_points(axes: Axes, points: Mapping[str, Point], names: Mapping[str, str], colours: Mapping[str, str]) -> None:
    """Writes every point's name beside it, in the nearest place where it covers neither points nor names.

    All by label. The figure must have been drawn, so that it is settled where the points are.
    """
    centres = {label: axes.transData.transform(point) for label, point in points.items()}
    taken = [(x - 9, y - 9, x + 9, y + 9) for x, y in centres.values()]
    for label in sorted(points, key=lambda label: -points[label][1]):
        note = axes.annotate(names[label], points[label], (0, 0), textcoords="offset points", fontsize=8.5, zorder=4)
        red, green, blue = to_rgb(colours[label])
        note.set_color((0.6 * red, 0.6 * green, 0.6 * blue))  # darker, to be read
        note.set_path_effects([withStroke(linewidth=2, foreground="white")])  # over lines
        note.set_in_layout(False)
        size, centre = note.get_window_extent(), centres[label]
        boxes = _places_for(centre, size.width, size.height)
        best = int(_costs(boxes, np.array(taken), np.array(axes.bbox.extents)).argmin())
        left, bottom, right, top = boxes[best]
        note.set_position(_offset((left, bottom), centre))
        taken.append((left - 4, bottom - 4, right + 4, top + 4))
        if best >= DIRECTIONS:  # a name beside its point needs no line to it
            _connect(axes, points[label], centre, boxes[best])


def _connect(axes: Axes, point: Point, centre: np.ndarray, box: np.ndarray) -> None:
    """A thin line from a point to the nearest end of its name; centre and box are in pixels."""
    end = np.clip(centre, box[:2], box[2:])
    style = {"arrowstyle": "-", "linewidth": 0.5, "color": "0.5", "shrinkA": 0, "shrinkB": 4}
    line = axes.annotate("", point, _offset(end, centre), textcoords="offset points", arrowprops=style, zorder=1)
    line.set_in_layout(False)


def _offset(pixel: Sequence[float] | np.ndarray, centre: np.ndarray) -> tuple[float, float]:
    """From a point, in points (1/72 inch), as annotations are placed."""
    return (pixel[0] - centre[0]) * 72 / DPI, (pixel[1] - centre[1]) * 72 / DPI


def _places_for(centre: np.ndarray, width: float, height: float) -> np.ndarray:
    """Boxes of a size around a point, the nearest first: in eight directions, at growing distances.

    (48, 4): left, bottom, right and top, in pixels.
    """
    distances, turns = np.meshgrid((12, 30, 50, 75, 105, 140), np.arange(DIRECTIONS), indexing="ij")
    corners = []
    for direction, start, length in ((np.cos, centre[0], width), (np.sin, centre[1], height)):
        way = direction(turns * 2 * np.pi / DIRECTIONS).round(6)
        corners.append(start + distances * way - length * (1 - np.sign(way)) / 2)
    left, bottom = (corner.ravel() for corner in corners)
    return np.stack([left, bottom, left + width, bottom + height], axis=1)


def _costs(boxes: np.ndarray, taken: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """The pixels that every box covers, and ten times those that leave the axes."""
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return _overlaps(boxes, taken).sum(axis=1) + 10 * (areas - _overlaps(boxes, axes[None])[:, 0])


def _overlaps(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Pixels that are in both: (M, 4) and (N, 4) -> (M, N)."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    return (high - low).clip(min=0).prod(axis=2)


def numbered(labels: Sequence[str]) -> dict[str, str]:
    """Names to write beside points: the labels, or numbers where there are too many for that."""
    if len(labels) <= NAMED:
        return {label: label.replace(", ", "\n") for label in labels}
    return {label: str(i) for i, label in enumerate(labels, 1)}


def legend(figure: Figure, handles: Sequence[Line2D], title: str | None = None) -> None:
    """Outside of the axes, for which it leaves their room."""
    box = figure.legend(handles=handles, loc="outside right upper", frameon=False, fontsize=9, title=title)
    size = box.get_window_extent()
    figure.set_figwidth(figure.get_figwidth() + size.width / DPI)
    figure.set_figheight(max(figure.get_figheight(), size.height / DPI + 0.2))


def legend_of_points(figure: Figure, names: Mapping[str, str], looks: Mapping[str, tuple[str, str]]) -> None:
    """What numbers beside points stand for. looks: colour and marker by label."""
    handles = [
        Line2D([], [], color=looks[label][0], marker=looks[label][1], linestyle="", label=f"{name}  {label}")
        for label, name in names.items()
    ]
    legend(figure, handles)


def save(figure: Figure, path: Path, dpi: int = DPI) -> None:
    """As PNG, the whole file or none."""
    with atomic_write(path) as partial:
        figure.savefig(partial, format="png", dpi=dpi)
    plt.close(figure)
