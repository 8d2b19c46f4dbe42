"""The figure of a leaderboard: quality against what it costs."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator

from srlab.data.catalog import title_of
from srlab.evaluation.measure import ResultRow
from srlab.evaluation.metric_plane import PRINTED, Panels, finite_points
from srlab.evaluation.plotting import (
    COLOURS,
    DPI,
    NAMED,
    legend,
    name_points,
    note,
    numbered,
    plain_numbers,
    plt,
    save,
)
from srlab.labels import in_figure
from srlab.metrics.metric import PSNR

LARGEST = 26.0  # diameter of the largest dot, in points
LEAST = 5.0  # below which a dot would not be seen; smaller networks have this one


def draw_quality_over_cost(rows: Sequence[ResultRow], path: Path) -> list[Path]:
    """Draws PSNR against multiply-adds, a panel for every set and scale.

    The axis of multiply-adds is logarithmic, so methods without any, such as bicubic, are lines. The area of a dot
    grows with the network's parameters, and a legend has some sizes.

    Args:
        rows: under one protocol.
        path: of the PNG file; a PDF is beside it.

    Returns:
        The PNG file; nothing without a network whose PSNR was measured.
    """
    rows = [row for row in rows if "psnr" in row.means and row.multiply_adds is not None]
    panels, left_out = finite_points(_panels(rows))
    if not panels:
        return []
    lines = _lines(rows)
    sizes = {row.method: row.parameters or 0 for row in rows if row.multiply_adds}
    labels = list(dict.fromkeys(label for points in panels.values() for label in points))
    colours = {label: COLOURS[i % len(COLOURS)] for i, label in enumerate(labels)}
    across = len({row.scale for row in rows if row.multiply_adds})
    down = -(-len(panels) // across)
    figure, grid = plt.subplots(
        down, across, figsize=(5.4 * across, 4.4 * down), dpi=DPI, squeeze=False, layout="constrained"
    )
    largest = max(sizes.values())
    for axes, (title, points) in zip(grid.flat, panels.items(), strict=False):
        widths = {row.method: _diameter(row.parameters or 0, largest) for row in rows if _title(row) == title}
        _panel(axes, title, points, lines.get(title, {}), colours, widths)
    for axes in grid.flat[len(panels) :]:
        axes.set_axis_off()
    names = numbered(labels)
    legend(figure, [*_numbers(names, colours), *_sizes(largest)], title="area: parameters", spacing=1.6)
    note(figure, left_out)
    figure.canvas.draw()  # settles where the points are, between which names then find room
    for axes, points in zip(grid.flat, panels.values(), strict=False):
        name_points(axes, points, names, colours, [line for line in axes.lines if line.get_marker() == "o"])
    save(figure, path, dpi=PRINTED)
    return [path]


def _title(row: ResultRow) -> str:
    return f"{title_of(row.set)} x{row.scale}, protocol {row.protocol}"


def _panels(rows: Sequence[ResultRow]) -> Panels:
    """Points (multiply-adds in units of 1e9, PSNR) by panel and method."""
    panels: dict[str, dict[str, tuple[float, float]]] = {}
    for row in rows:
        if row.multiply_adds:
            panels.setdefault(_title(row), {})[row.method] = (row.multiply_adds / 1e9, row.psnr)
    return panels


def _lines(rows: Sequence[ResultRow]) -> dict[str, dict[str, float]]:
    """PSNR of methods without multiply-adds, by panel and method."""
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        if not row.multiply_adds and np.isfinite(row.psnr):
            found.setdefault(_title(row), {})[row.method] = row.psnr
    return found


def _diameter(parameters: float, largest: float) -> float:
    """In points; the area is proportional to the parameters."""
    return max(LEAST, LARGEST * float(np.sqrt(parameters / largest)))


def _panel(
    axes: Axes,
    title: str,
    points: Mapping[str, tuple[float, float]],
    lines: Mapping[str, float],
    colours: Mapping[str, str],
    widths: Mapping[str, float],
) -> None:
    for label, point in points.items():
        axes.plot(*point, "o", color=colours[label], markersize=widths[label], alpha=0.75, markeredgewidth=0)
    for label, psnr in lines.items():
        axes.axhline(psnr, color="0.5", linewidth=1, linestyle="--", zorder=1)
        axes.text(0.99, psnr, in_figure(label), transform=axes.get_yaxis_transform(), ha="right", va="bottom",
                  fontsize=8.5, color="0.35")  # fmt: skip
    axes.set_xscale("log")
    axes.margins(0.25, 0.12)
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.xaxis.set_minor_formatter(FuncFormatter(lambda *_: ""))
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    plain_numbers(axes.yaxis)
    axes.set_xlabel("multiply-adds for 1280 x 720, in units of 10⁹ (lower is better)")
    axes.set_ylabel(PSNR.metric.axis)
    axes.grid(alpha=0.25)
    axes.set_title(in_figure(title), loc="left", fontsize=10)
    axes.set_title("better ↖", loc="right", fontsize=9, color="0.35")


def _numbers(names: Mapping[str, str], colours: Mapping[str, str]) -> list[Line2D]:
    """Entries of the legend that say what numbers beside points stand for, where there are numbers."""
    if len(names) <= NAMED:
        return []
    return [
        Line2D([], [], color=colours[label], marker="o", linestyle="", label=f"{name}  {label}")
        for label, name in names.items()
    ]


def _sizes(largest: float) -> list[Line2D]:
    """Entries of the legend: round numbers of parameters, up to that of the largest network, that can be seen."""
    power = 10 ** np.floor(np.log10(largest))
    top = max(step * power for step in (1, 2, 5) if step * power <= largest)
    chosen = [size for size in (top, top / 4, top / 10) if LARGEST * np.sqrt(size / largest) >= LEAST]
    return [
        Line2D([], [], color="0.6", marker="o", linestyle="", markersize=_diameter(size, largest), label=_count(size))
        for size in chosen
    ]


def _count(parameters: float) -> str:
    return f"{parameters / 1e6:g} M" if parameters >= 1e6 else f"{parameters / 1e3:g} K"
