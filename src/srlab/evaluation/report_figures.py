"""The pictures of a report: validation curves, and PSNR against parameters and against time."""

import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

from srlab.evaluation.report_rows import Row
from srlab.evaluation.report_table import Line

matplotlib.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, LogLocator, MaxNLocator, NullLocator
from matplotlib.transforms import Bbox

DPI = 110
# Okabe and Ito's colours, which the colour-blind tell apart, without yellow, which is too pale for a line.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
STYLES = ("-", "--", ":", "-.")  # when the colours are used up
DIRECTIONS = 8  # in which a name may stand beside its point
NAMED = 10  # rows whose labels find room beside their points; more are numbered
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
Looks = dict[str, tuple[str, str, str]]  # label -> colour, line style, marker


def looks_of(rows: Sequence[Row]) -> Looks:
    """How a row looks, the same in all pictures."""
    styles = ((c, s, MARKERS[i % len(MARKERS)]) for i, s in enumerate(itertools.cycle(STYLES)) for c in COLOURS)
    return dict(zip([row.label for row in rows], styles, strict=False))


def curves(rows: Sequence[Row], looks: Looks, path: Path) -> None:
    """A PNG: validation PSNR against step, a thin line for every job, finished or not, a thick one for a row's mean.

    The axis spans the PSNR after the first quarter of training, before which curves rise steeply.
    """
    figure, axes = plt.subplots(figsize=(7.2, 5), dpi=DPI, layout="constrained")
    handles = []
    for row in rows:
        colour, style, _ = looks[row.label]
        for run in row.runs:
            _line(axes, run.curve, colour, style, linewidth=0.8, alpha=0.45)
        label = row.label if row.finished else f"{row.label} (unfinished)"
        handles.append(_line(axes, mean_curve(row), colour, style, linewidth=2.2, label=label))
    _limit(axes, [run.curve for row in rows for run in row.runs if run.curve])
    axes.set_xlabel("step")
    axes.set_ylabel("validation PSNR (dB)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.grid(alpha=0.25)
    _legend(figure, handles, "thick: mean, thin: every seed")
    _save(figure, path)


def _line(axes: Axes, curve: Sequence[tuple[int, float]], colour: str, style: str, **more: Any) -> Line2D:
    """A single validation is a point."""
    steps, values = [step for step, _ in curve], [psnr for _, psnr in curve]
    (line,) = axes.plot(steps, values, color=colour, linestyle=style, marker="o" if len(curve) == 1 else "", **more)
    return line


def mean_curve(row: Row) -> list[tuple[int, float]]:
    """(step, mean PSNR over seeds) at the steps that all finished runs of a row have; all its runs if none finished."""
    runs = list(row.finished.values()) or row.runs
    curves = [dict(run.curve) for run in runs if run.curve]
    if not curves:
        return []
    return [(step, float(np.mean([c[step] for c in curves]))) for step in curves[0] if all(step in c for c in curves)]


def _limit(axes: Axes, curves: Sequence[Sequence[tuple[int, float]]]) -> None:
    if not curves:
        axes.text(0.5, 0.5, "no validation in any metrics.csv", ha="center", transform=axes.transAxes)
        return
    end = max(step for curve in curves for step, _ in curve)
    values = [psnr for curve in curves for step, psnr in curve if step >= end / 4 and np.isfinite(psnr)]
    if values:
        margin = 0.06 * (max(values) - min(values)) or 0.1
        axes.set_ylim(min(values) - margin, max(values) + margin)
    axes.set_xlim(0, end * 1.02)


@dataclass(frozen=True)
class Quantity:
    """What PSNR is drawn against, on a logarithmic axis."""

    title: str
    unit: str
    of: Callable[[Line], float]


PARAMETERS = Quantity("trainable parameters", "", lambda line: line.parameters)
TIME = Quantity("time per image", "s", lambda line: line.seconds)


def scatter(lines: Sequence[Line], looks: Looks, across: Quantity, path: Path) -> None:
    """A PNG: PSNR on the first set against a quantity, a labelled point for every row, a panel for every scale.

    Error bars are standard deviations over seeds. A scale of a single row is left out where others have more. So is
    bicubic, which has no parameters.
    """
    shown = [line for line in lines if line.seeds and line.place[0] == lines[0].place[0]]
    counts = Counter(line.place for line in shown)
    places = [place for place, count in counts.items() if count > 1] or list(counts)[:1]
    # A logarithmic axis holds positive values; infinite PSNR has no place.
    drawn = [line for line in shown if across.of(line) > 0 and np.isfinite(line.psnr.mean)]
    size = (7.2 * len(places), 5)
    figure, panels = plt.subplots(1, len(places), figsize=size, dpi=DPI, squeeze=False, layout="constrained")
    for axes, place in zip(panels[0], places, strict=True):
        _panel(axes, [line for line in drawn if line.place == place], looks, across)
        axes.set_ylabel(f"PSNR on {place[0]} x{place[1]} (dB), protocol {lines[0].protocol}")
    names = {line.label: line.label.replace(", ", "\n") for line in drawn}
    if len(names) > NAMED:
        names = {label: str(i) for i, label in enumerate(names, 1)}
        handles = [
            Line2D([], [], color=looks[label][0], marker=looks[label][2], linestyle="", label=f"{name}  {label}")
            for label, name in names.items()
        ]
        _legend(figure, handles)
    figure.canvas.draw()  # settles where the points are, between which names then find room
    for axes, place in zip(panels[0], places, strict=True):
        _label(axes, [line for line in drawn if line.place == place], names, looks, across)
    _save(figure, path)


def _panel(axes: Axes, lines: Sequence[Line], looks: Looks, across: Quantity) -> None:
    for line in lines:
        colour, _, marker = looks[line.label]
        x, y, deviation = across.of(line), line.psnr.mean, line.psnr.deviation
        axes.errorbar(x, y, yerr=deviation, color=colour, marker=marker, markersize=7, capsize=3)
    axes.set_xscale("log")
    axes.margins(y=0.15)
    values = [across.of(line) for line in lines] or [1]
    ratio = max(values) / min(values)
    room = max(3.0, ratio**0.15)  # for labels; and for some ticks, where all points stand above each other
    axes.set_xlim(min(values) / room, max(values) * room)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if ratio < 100 else (1,)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(EngFormatter(across.unit, sep=" " if across.unit else ""))
    axes.set_xlabel(across.title)
    axes.grid(alpha=0.25)


def _label(axes: Axes, lines: Sequence[Line], names: dict[str, str], looks: Looks, across: Quantity) -> None:
    """Writes every row's name beside its point, in the nearest place where it covers neither points nor names."""
    centres = {line.label: axes.transData.transform((across.of(line), line.psnr.mean)) for line in lines}
    taken = [Bbox.from_bounds(x - 6, y - 6, 12, 12) for x, y in centres.values()]
    for line in sorted(lines, key=lambda line: -line.psnr.mean):
        red, green, blue = to_rgb(looks[line.label][0])
        note = axes.annotate(
            names[line.label],
            (across.of(line), line.psnr.mean),
            (0, 0),
            textcoords="offset points",
            fontsize=8.5,
            color=(0.6 * red, 0.6 * green, 0.6 * blue),  # darker, to be read
            arrowprops={"arrowstyle": "-", "linewidth": 0.5, "color": "0.6", "shrinkB": 4},
        )
        note.set_in_layout(False)
        size, centre = note.get_window_extent(), centres[line.label]
        boxes = _places_for(centre, size.width, size.height)
        best = min(range(len(boxes)), key=lambda i: _cost(boxes[i], taken, axes.bbox))
        if note.arrow_patch is not None:
            note.arrow_patch.set_visible(best >= DIRECTIONS)  # a name beside its point needs no line to it
        note.set_position(((boxes[best].x0 - centre[0]) * 72 / DPI, (boxes[best].y0 - centre[1]) * 72 / DPI))
        taken.append(boxes[best])


def _places_for(centre: np.ndarray, width: float, height: float) -> list[Bbox]:
    """Boxes of a size around a point, in pixels, the nearest first: in eight directions, at growing distances."""
    boxes = []
    for distance, turn in itertools.product((12, 30, 50, 75, 105, 140), range(DIRECTIONS)):
        x, y = (round(float(f(turn * 2 * np.pi / DIRECTIONS)), 6) for f in (np.cos, np.sin))
        left = centre[0] + distance * x - width * (1 - np.sign(x)) / 2
        bottom = centre[1] + distance * y - height * (1 - np.sign(y)) / 2
        boxes.append(Bbox.from_bounds(left, bottom, width, height))
    return boxes


def _cost(box: Bbox, taken: Sequence[Bbox], axes: Bbox) -> float:
    """Pixels that it covers, ten times those that leave the axes."""
    overlaps = [overlap for other in taken if (overlap := Bbox.intersection(box, other)) is not None]
    inside = Bbox.intersection(box, axes)
    outside = box.width * box.height - (inside.width * inside.height if inside is not None else 0)
    return sum(overlap.width * overlap.height for overlap in overlaps) + 10 * outside


def _legend(figure: Figure, handles: Sequence[Line2D], title: str | None = None) -> None:
    """Outside of the axes, for which it leaves their room."""
    legend = figure.legend(handles=handles, loc="outside right upper", frameon=False, fontsize=9, title=title)
    size = legend.get_window_extent()
    figure.set_figwidth(figure.get_figwidth() + size.width / DPI)
    figure.set_figheight(max(figure.get_figheight(), size.height / DPI + 0.2))


def _save(figure: Figure, path: Path) -> None:
    """The whole file or none."""
    partial = path.with_name(path.name + ".part")
    figure.savefig(partial, format="png", dpi=DPI)
    plt.close(figure)
    partial.replace(path)
