"""The figures of a report: validation curves, and PSNR against parameters and against time."""

import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, LogLocator, MaxNLocator, NullLocator

from srlab import finite
from srlab.evaluation.plotting import (
    COLOURS,
    DPI,
    MARKERS,
    NAMED,
    legend,
    legend_of_points,
    name_points,
    note,
    numbered,
    plain_numbers,
    save,
)
from srlab.sweeps.report_rows import SweepRow
from srlab.sweeps.report_table import Line

STYLES = ("-", "--", ":", "-.")  # when the colours are used up
Looks = dict[str, tuple[str, str, str]]  # label -> colour, line style, marker


def looks_of(rows: Sequence[SweepRow]) -> Looks:
    """Returns the colour, line style and marker of every row, the same in all figures."""
    styles = ((c, s, MARKERS[i % len(MARKERS)]) for i, s in enumerate(itertools.cycle(STYLES)) for c in COLOURS)
    return dict(zip([row.label for row in rows], styles, strict=False))


def curves(rows: Sequence[SweepRow], looks: Looks, path: Path) -> None:
    """Writes a figure of validation PSNR against step: a thin line for every run, finished or not, a thick one for a
    row's mean.

    The axis spans the PSNR after the first quarter of training, before which curves rise steeply.

    Args:
        rows: of the report.
        looks: see `looks_of`.
        path: of the PNG file.
    """
    figure, axes = plt.subplots(figsize=(7.2, 5), dpi=DPI, layout="constrained")
    handles = []
    for row in rows:
        colour, style, _ = looks[row.label]
        for run in row.runs:
            _line(axes, _finite(run.curve), colour, style, linewidth=0.8, alpha=0.45)
        label = row.label if row.finished else f"{row.label} (unfinished)"
        handles.append(_line(axes, _finite(mean_curve(row)), colour, style, linewidth=2.2, label=label))
    _limit(axes, [run.curve for row in rows for run in row.runs if run.curve])
    axes.set_xlabel("step")
    axes.set_ylabel("validation PSNR (dB)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    plain_numbers(axes.yaxis)
    axes.grid(alpha=0.25)
    legend(figure, handles, "thick: mean, thin: every seed")
    counts = {run.name: len(run.curve) - len(_finite(run.curve)) for row in rows for run in row.runs}
    note(figure, finite.not_drawn(f"{count} validations of {name}" for name, count in counts.items() if count))
    save(figure, path)


def _finite(curve: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    return [(step, psnr) for step, psnr in curve if finite.is_finite(psnr)]


def _line(axes: Axes, curve: Sequence[tuple[int, float]], colour: str, style: str, **more: Any) -> Line2D:
    """Draws a curve; a single validation is a point."""
    steps, values = [step for step, _ in curve], [psnr for _, psnr in curve]
    (line,) = axes.plot(steps, values, color=colour, linestyle=style, marker="o" if len(curve) == 1 else "", **more)
    return line


def mean_curve(row: SweepRow) -> list[tuple[int, float]]:
    """Returns (step, mean PSNR over seeds) at the steps that all finished runs of a row have; that all its runs have
    where none has finished.
    """
    runs = list(row.finished.values()) or row.runs
    curves = [dict(run.curve) for run in runs if run.curve]
    if not curves:
        return []
    return [(step, finite.mean(c[step] for c in curves)) for step in curves[0] if all(step in c for c in curves)]


def _limit(axes: Axes, curves: Sequence[Sequence[tuple[int, float]]]) -> None:
    if not curves:
        axes.text(0.5, 0.5, "no validation in any metrics.csv", ha="center", transform=axes.transAxes)
        return
    end = max(step for curve in curves for step, _ in curve)
    values = [psnr for curve in curves for step, psnr in _finite(curve) if step >= end / 4]
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
    """Writes a figure of PSNR on the first set against a quantity: a labelled point for every row, a panel for every
    scale.

    Error bars are standard deviations over seeds. A scale of a single row is left out where others have more. So is
    bicubic, which has no parameters.

    Args:
        lines: of the report's table.
        looks: see `looks_of`.
        across: the quantity.
        path: of the PNG file.
    """
    shown = [line for line in lines if line.seeds and line.place[0] == lines[0].place[0]]
    counts = Counter(line.place for line in shown)
    places = [place for place, count in counts.items() if count > 1] or list(counts)[:1]
    placed = [line for line in shown if across.of(line) > 0]  # a logarithmic axis holds positive values
    drawn = [line for line in placed if finite.is_finite(line.psnr.mean)]
    size = (7.2 * len(places), 5)
    figure, panels = plt.subplots(1, len(places), figsize=size, dpi=DPI, squeeze=False, layout="constrained")
    for axes, place in zip(panels[0], places, strict=True):
        _panel(axes, [line for line in drawn if line.place == place], looks, across)
        axes.set_ylabel(f"PSNR on {place[0]} x{place[1]} (dB), protocol {lines[0].protocol}")
    names = numbered(list(dict.fromkeys(line.label for line in drawn)))
    if len(names) > NAMED:
        legend_of_points(figure, names, {label: (look[0], look[2]) for label, look in looks.items()})
    left_out = [line for line in placed if line not in drawn and line.place in places]
    note(figure, finite.not_drawn(f"{line.label} (x{line.place[1]})" for line in left_out))
    figure.canvas.draw()  # settles where the points are, between which names then find room
    for axes, place in zip(panels[0], places, strict=True):
        points = {line.label: (across.of(line), line.psnr.mean) for line in drawn if line.place == place}
        name_points(axes, points, names, {label: look[0] for label, look in looks.items()})
    save(figure, path)


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
    plain_numbers(axes.yaxis)
    axes.grid(alpha=0.25)
