"""Draws mean opinion scores and the ratings behind them, as figure 5 of the SRGAN paper does (Ledig et al. 2017)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt

from srlab.evaluation.plotting import save
from srlab.labels import in_figure
from srlab.mos.analysis import Analysis
from srlab.mos.observations import Place
from srlab.mos.paper import RATERS, TITLES, published_scores
from srlab.mos.study import WORDS

MEAN = "#d62728"
COLUMNS = 2  # panels in a row
DPI = 100


@dataclass(frozen=True)
class MethodBar:
    """One method of a panel.

    mean: its MOS, in grades. interval: the ends of the 95% interval. shares: of the ratings 1 to 5, which add up to 1.
    The last two are None where they are not known.
    """

    method: str
    mean: float
    interval: tuple[float, float] | None = None
    shares: tuple[float, ...] | None = None


@dataclass(frozen=True)
class ScorePanel:
    """The methods on one set at one scale, by one group of raters."""

    title: str
    bars: Sequence[MethodBar]


def score_panels(analysis: Analysis) -> list[ScorePanel]:
    """Returns a panel of this study for every set and scale, each followed by the paper's of the same, if there is one.

    The paper's other panels come last, where the study has their scale: scores at other scales do not compare.
    """
    result = []
    scales = {scale for _, scale in analysis.places}
    left = {(row.set, row.scale): None for row in published_scores() if row.scale in scales}
    for place in analysis.places:
        result.append(_our_panel(analysis, place))
        if place in left:
            result.append(paper_panel(place))
            del left[place]
    return result + [paper_panel(place) for place in left]


def _our_panel(analysis: Analysis, place: Place) -> ScorePanel:
    scores = analysis.scores_of(place)
    bars = [
        MethodBar(
            score.method,
            score.score.mean,
            None if score.score.low is None or score.score.high is None else (score.score.low, score.score.high),
            score.shares,
        )
        for score in scores
    ]
    raters = max(score.score.raters for score in scores)
    people = "rater" if raters == 1 else "raters"
    return ScorePanel(f"this study: {TITLES.get(place[0], place[0])} x{place[1]}, {raters} {people}", bars)


def paper_panel(place: Place) -> ScorePanel:
    """Returns the paper's means on a set. It prints no intervals, and the shares of ratings only as colours."""
    bars = [
        MethodBar(row.method, row.mos) for row in published_scores() if row.table == 2 and (row.set, row.scale) == place
    ]
    return ScorePanel(f"SRGAN paper: {TITLES[place[0]]} x{place[1]}, {RATERS} raters", bars)


def draw_panels(panels: Sequence[ScorePanel], path: Path) -> None:
    """Writes a PNG, and a PDF beside it, with COLUMNS panels in a row.

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
    save(figure, path, DPI)


def _draw_panel(axis: plt.Axes, panel: ScorePanel) -> None:
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
        places,
        [in_figure(bar.method) for bar in panel.bars],
        rotation=35,
        ha="right",
        rotation_mode="anchor",
        fontsize=8.5,
    )
    axis.set_yticks(list(WORDS), [f"{grade} {word}" for grade, word in WORDS.items()], fontsize=8.5)
    axis.set_title(in_figure(panel.title), fontsize=10)
    axis.tick_params(length=0)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
