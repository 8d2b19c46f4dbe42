"""What figures share: colours and markers, names beside points, legends, and saving as PNG and PDF."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
from adjustText import adjust_text

matplotlib.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.ticker import ScalarFormatter

from srlab.atomic_write import atomic_write
from srlab.labels import in_figure

# It tells every table of a font that a PDF does not need, at the level at which Hydra logs.
logging.getLogger("fontTools").setLevel(logging.WARNING)

DPI = 110  # pixels to the inch
ENDINGS: Mapping[str, Mapping[str, None]] = {".png": {}, ".pdf": {"CreationDate": None}, ".svg": {"Date": None}}
# Okabe and Ito's colours, which the colour-blind tell apart, without yellow, which is too pale for a line.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
NAMED = 10  # points whose names find room beside them; more are numbered

Point = tuple[float, float]


def name_points(
    axes: Axes,
    points: Mapping[str, Point],
    names: Mapping[str, str],
    colours: Mapping[str, str],
    large: Sequence[Line2D] = (),
) -> None:
    """Writes every point's name near it, clear of other points and names, with a thin line where it has moved away.

    Args:
        axes: the figure must have been drawn, so that it is settled where the points are.
        points: by label.
        names: what to write, by label.
        colours: of the points, by label.
        large: markers that names must not cover.
    """
    if not points:
        return
    notes = []
    for label, point in points.items():
        red, green, blue = to_rgb(colours[label])
        darker = 0.6 * red, 0.6 * green, 0.6 * blue  # to be read
        outline = [withStroke(linewidth=2, foreground="white")]  # over lines
        note = axes.text(*point, names[label], fontsize=8.5, color=darker, path_effects=outline, zorder=4)
        note.set_in_layout(False)
        notes.append(note)
    across, up = zip(*points.values(), strict=True)
    adjust_text(
        notes,
        x=across,
        y=up,
        ax=axes,
        objects=list(large) or None,
        expand=(1.5, 1.8),
        force_text=(0.3, 0.5),
        force_static=(0.3, 0.5),
        min_arrow_len=8,
        iter_lim=500,  # and not a time: the same figure on every machine
        arrowprops={"arrowstyle": "-", "linewidth": 0.5, "color": "0.5"},
    )


def plain_numbers(axis: Axis) -> None:
    """Writes whole numbers at the ticks of a linear axis, never what is to be added to an offset such as +1.424e1."""
    axis.set_major_formatter(ScalarFormatter(useOffset=False))


def numbered(labels: Sequence[str]) -> dict[str, str]:
    """Returns names to write beside points: the labels, or numbers where there are too many for that."""
    if len(labels) <= NAMED:
        return {label: in_figure(label).replace(", ", "\n") for label in labels}
    return {label: str(i) for i, label in enumerate(labels, 1)}


def legend(figure: Figure, handles: Sequence[Line2D], title: str | None = None, spacing: float = 0.5) -> None:
    """Puts a legend to the right of the axes and widens the figure by it, so that the axes keep their size.

    Args:
        figure: its layout is constrained.
        handles: with labels.
        title: above them.
        spacing: between entries, in heights of a letter.
    """
    for handle in handles:
        handle.set_label(in_figure(str(handle.get_label())))
    box = figure.legend(
        handles=handles, loc="outside right upper", frameon=False, fontsize=9, title=title, labelspacing=spacing
    )
    size = box.get_window_extent()
    figure.set_figwidth(figure.get_figwidth() + size.width / DPI)
    figure.set_figheight(max(figure.get_figheight(), size.height / DPI + 0.2))


def legend_of_points(figure: Figure, names: Mapping[str, str], looks: Mapping[str, tuple[str, str]]) -> None:
    """Adds a legend that says what the numbers beside points stand for.

    Args:
        figure: see `legend`.
        names: numbers by label.
        looks: colour and marker by label.
    """
    handles = [
        Line2D([], [], color=looks[label][0], marker=looks[label][1], linestyle="", label=f"{name}  {label}")
        for label, name in names.items()
    ]
    legend(figure, handles)


def note(figure: Figure, text: str) -> None:
    """Writes a line below the axes, such as what a figure leaves out; nothing for ''."""
    if text:
        figure.supxlabel(in_figure(text), fontsize=8, x=0.01, ha="left", wrap=True)


def save(figure: Figure, path: Path, dpi: int = DPI) -> None:
    """Writes a figure as PNG, and as PDF beside it, and closes it. Each file is there whole or not at all.

    Args:
        figure: what to write.
        path: of the PNG file.
        dpi: pixels to the inch of the PNG, and of pictures in the PDF.
    """
    write(figure, path, dpi)
    write(figure, path.with_suffix(".pdf"), dpi)
    plt.close(figure)


def write(figure: Figure, path: Path, dpi: int) -> None:
    """Writes a figure as its file's ending says, the same bytes every time. The file is there whole or not at all.

    Args:
        figure: what to write.
        path: one of ENDINGS. Fonts in a PDF are TrueType, since publishers refuse matplotlib's default, Type 3.
        dpi: pixels to the inch of a PNG, and of pictures in the others.
    """
    with (
        matplotlib.rc_context({"pdf.fonttype": 42, "svg.hashsalt": path.suffix}),
        atomic_write(path) as partial,
    ):
        figure.savefig(partial, format=path.suffix[1:], dpi=dpi, metadata=ENDINGS[path.suffix])
