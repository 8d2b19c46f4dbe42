"""Methods as points in the plane of two metrics, such as distortion and perceived quality."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from srlab import finite
from srlab.evaluation.measure import ResultRow
from srlab.evaluation.plotting import (
    COLOURS,
    DPI,
    MARKERS,
    NAMED,
    Point,
    legend_of_points,
    name_points,
    note,
    numbered,
    plain_numbers,
    plt,
    save,
)
from srlab.labels import in_figure
from srlab.metrics.metric import PSNR, Metric

ABREAST = 3  # panels in a row of a figure
PRINTED = 2 * DPI  # as journals want it
ARROWS = {("higher", "higher"): "↗", ("higher", "lower"): "↘", ("lower", "higher"): "↖", ("lower", "lower"): "↙"}
Panels = Mapping[str, Mapping[str, Point]]  # title -> method -> its point


def perception_distortion(rows: Iterable[ResultRow], perception: Metric) -> dict[str, dict[str, Point]]:
    """Places methods between distortion and perceived quality (Blau and Michaeli 2018, arXiv:1711.06077).

    Args:
        rows: those without PSNR or the perceptual metric are left out.
        perception: the perceptual metric.

    Returns:
        For every set and scale, by title, the methods' (PSNR, value of the metric), finite or not.
    """
    panels: dict[str, dict[str, Point]] = {}
    for row in rows:
        if not {PSNR.metric.name, perception.name} <= row.means.keys():  # measured earlier, by other metrics
            continue
        point = row.psnr, row.means[perception.name]
        panels.setdefault(f"{row.set} x{row.scale}, protocol {row.protocol}", {})[row.method] = point
    return panels


def draw_perception_distortion(rows: list[ResultRow], folder: Path) -> list[Path]:
    """Draws FOLDER/perception_distortion.png where PSNR and a perceptual metric were measured.

    The files of further perceptual metrics have the metric's name in theirs.

    Returns:
        The PNG files; a PDF is beside each.
    """
    metrics = {metric.name: metric for row in rows for metric in row.metrics}
    paths: list[Path] = []
    for metric in metrics.values() if PSNR.metric.name in metrics else ():
        panels = perception_distortion(rows, metric) if metric.better == "lower" else {}
        if finite_points(panels)[0]:
            paths.append(folder / f"perception_distortion{f'_{metric.name}' if paths else ''}.png")
            scatter(panels, PSNR.metric, metric, paths[-1])
    return paths


def finite_points(panels: Panels) -> tuple[dict[str, dict[str, Point]], str]:
    """Returns the panels' finite points, without panels that have none, and a note that names what is left out."""
    drawn = {
        title: kept
        for title, points in panels.items()
        if (kept := {label: point for label, point in points.items() if finite.is_finite(*point)})
    }
    left_out = [
        f"{label} ({title.partition(',')[0]})"
        for title, points in panels.items()
        for label, point in points.items()
        if not finite.is_finite(*point)
    ]
    return drawn, finite.not_drawn(left_out)


def scatter(panels: Panels, across: Metric, up: Metric, path: Path, joined: bool = False, named: bool = True) -> None:
    """Writes a figure with a labelled point (value of `across`, value of `up`) for every method in every panel.

    A method looks the same in all panels. More than NAMED of them are numbered, and a legend explains the numbers.
    Points that are not finite are named in a note.

    Args:
        panels: points by title, then by method.
        across: the metric of the horizontal axis.
        up: that of the vertical axis.
        path: of the PNG file.
        joined: the points of a panel are one curve, in their order.
        named: False where an axis says what a point is.
    """
    drawn, left_out = finite_points(panels)
    panels = drawn or {title: {} for title in panels}
    columns = 2 if len(panels) == 4 else min(ABREAST, len(panels))
    lines = -(-len(panels) // columns)
    size = 5.4 * columns, 4.4 * lines
    figure, grid = plt.subplots(lines, columns, figsize=size, dpi=DPI, squeeze=False, layout="constrained")
    labels = list(dict.fromkeys(label for points in panels.values() for label in points))
    looks = {label: _look(0 if joined else i) for i, label in enumerate(labels)}
    for axes, (title, points) in zip(grid.flat, panels.items(), strict=False):
        _panel(axes, title, points, across, up, looks, joined)
    for axes in grid.flat[len(panels) :]:
        axes.set_axis_off()
    names = numbered(labels) if named else {}
    if len(names) > NAMED:
        legend_of_points(figure, names, looks)
    note(figure, left_out)
    figure.canvas.draw()  # settles where the points are, between which names then find room
    for axes, points in zip(grid.flat, panels.values() if named else (), strict=False):
        name_points(axes, points, names, {label: colour for label, (colour, _) in looks.items()})
    save(figure, path, dpi=PRINTED)


def _look(index: int) -> tuple[str, str]:
    """Colour and marker; both differ among the first seven, and one of them among 49."""
    turn, colour = divmod(index, len(COLOURS))
    return COLOURS[colour], MARKERS[(colour + turn) % len(MARKERS)]


def _panel(
    axes: Axes,
    title: str,
    points: Mapping[str, Point],
    across: Metric,
    up: Metric,
    looks: Mapping[str, tuple[str, str]],
    joined: bool,
) -> None:
    if joined and points:
        axes.plot(*np.transpose(list(points.values())), color=COLOURS[0], linewidth=1.2, alpha=0.6)
    for label, point in points.items():
        colour, marker = looks[label]
        axes.plot(*point, color=colour, marker=marker, markersize=7.5, linestyle="", alpha=0.9, markeredgewidth=0)
    axes.margins(0.18)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
        plain_numbers(axis)
    axes.set_xlabel(across.axis)
    axes.set_ylabel(up.axis)
    axes.grid(alpha=0.25)
    axes.set_title(in_figure(title), loc="left", fontsize=10)
    if across.better and up.better:
        axes.set_title(f"better {ARROWS[across.better, up.better]}", loc="right", fontsize=9, color="0.35")
