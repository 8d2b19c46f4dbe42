"""Mean opinion scores as a picture, in the manner of figure 5 of the SRGAN paper (Ledig et al. 2017)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")

from matplotlib import pyplot as plt

from srlab.mos.analysis import Analysis
from srlab.mos.observations import Place
from srlab.mos.paper import RATERS, TITLES, published_scores
from srlab.mos.study import WORDS

MEAN = "#d62728"
COLUMNS = 2


@dataclass(frozen=True)
class Bar:
    """One method: how its ratings are distributed over 1..5 (None: not known), their mean, and its interval."""

    method: str
    mean: float
    interval: tuple[float, float] | None = None
    shares: tuple[float, ...] | None = None


@dataclass(frozen=True)
class Panel:
    title: str
    bars: Sequence[Bar]


def panels(analysis: Analysis) -> list[Panel]:
    """Ours for every set and scale, each followed by the paper's of the same; then the rest of the paper's."""
    result = []
    left = {(row.set, row.scale): None for row in published_scores()}
    for place in analysis.places:
        result.append(_our_panel(analysis, place))
        if place in left:
            result.append(paper_panel(place))
            del left[place]
    return result + [paper_panel(place) for place in left]


def _our_panel(analysis: Analysis, place: Place) -> Panel:
    scores = analysis.scores_of(place)
    bars = [
        Bar(
            score.method,
            score.score.mean,
            None if score.score.low is None or score.score.high is None else (score.score.low, score.score.high),
            score.shares,
        )
        for score in scores
    ]
    raters = max(score.score.raters for score in scores)
    people = "rater" if raters == 1 else "raters"
    return Panel(f"this study: {TITLES.get(place[0], place[0])} x{place[1]}, {raters} {people}", bars)


def paper_panel(place: Place) -> Panel:
    """The paper's means on a set: it prints no intervals, and distributions only as colours."""
    bars = [Bar(row.method, row.mos) for row in published_scores() if row.table == 2 and (row.set, row.scale) == place]
    return Panel(f"SRGAN paper: {TITLES[place[0]]} x{place[1]}, {RATERS} raters", bars)


def draw(panels: Sequence[Panel], path: Path) -> None:
    """A PNG, two panels in a row.

    A cell's shade, and the number in it, is the share of a method's ratings in percent; the red marker is the mean,
    with its 95% interval where it is known.
    """
    columns = min(COLUMNS, len(panels))
    rows = math.ceil(len(panels) / columns)
    figure, axes = plt.subplots(rows, columns, figsize=(5.2 * columns, 3.4 * rows), squeeze=False, layout="constrained")
    for axis, panel in zip(axes.flat, panels, strict=False):
        _draw_panel(axis, panel)
    for axis in axes.flat[len(panels) :]:
        axis.set_axis_off()
    figure.supxlabel("cells: share of the ratings in percent; red: their mean and its 95% interval", fontsize=9)
    figure.savefig(path, dpi=100)
    plt.close(figure)


def _draw_panel(axis: plt.Axes, panel: Panel) -> None:
    places = np.arange(len(panel.bars))
    axis.set_facecolor("#f4f4f4")
    for place, bar in zip(places, panel.bars, strict=True):
        for grade, share in enumerate(bar.shares or (), 1):
            axis.add_patch(plt.Rectangle((place - 0.5, grade - 0.5), 1, 1, color=plt.get_cmap("Blues")(share * 0.8)))
            if share >= 0.005:
                axis.text(place + 0.44, grade - 0.42, f"{100 * share:.0f}", ha="right", va="bottom", fontsize=7,
                          color="white" if share > 0.6 else "#44546a")  # fmt: skip
        if bar.interval is not None:
            axis.vlines(place, *bar.interval, color=MEAN, linewidth=1.6, zorder=3)
    means = [bar.mean for bar in panel.bars]
    axis.plot(places, means, "o", color=MEAN, markersize=5, markeredgecolor="white", markeredgewidth=0.8, zorder=4)
    for place, bar in zip(places, panel.bars, strict=True):
        top = bar.mean if bar.interval is None else bar.interval[1]
        axis.annotate(f"{bar.mean:.2f}", (place, min(top, 5.3)), xytext=(0, 5), textcoords="offset points", ha="center",
                      fontsize=8, fontweight="bold", color=MEAN, zorder=5)  # fmt: skip
    axis.set_xlim(-0.5, len(panel.bars) - 0.5)
    axis.set_ylim(0.5, 5.65)
    axis.set_xticks(
        places, [bar.method for bar in panel.bars], rotation=35, ha="right", rotation_mode="anchor", fontsize=8.5
    )
    axis.set_yticks(list(WORDS), [f"{grade} {word}" for grade, word in WORDS.items()], fontsize=8.5)
    axis.set_title(panel.title, fontsize=10)
    axis.tick_params(length=0)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
