"""Mean opinion scores with intervals, and tests of differences. Raters are the sample; images and methods are fixed."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy import stats

LEVEL = 0.95


@dataclass(frozen=True)
class Score:
    """A mean opinion score and its interval; low and high are None where fewer than two raters rated."""

    mean: float
    low: float | None
    high: float | None
    raters: int
    ratings: int


@dataclass(frozen=True)
class Comparison:
    """Two methods: the mean over raters of first minus second, and p of the Wilcoxon test, plain and after Holm."""

    first: str
    second: str
    difference: float
    p: float
    adjusted: float
    raters: int


def mean_opinion_score(ratings: np.ndarray) -> Score | None:
    """The MOS of one method from (raters, images) ratings, NaN where there is none; None where there are none at all.

    Every image's mean over its raters, averaged over images. A rater's ratings go up and down together with the
    rater's bias, so they are one observation, not many: the variance is that of the sum of each rater's deviations from
    the images' means (linearisation with raters as clusters; Cochran 1977, "Sampling Techniques", chapter 9A), each
    scaled by the root of n / (n - 1) for the n raters of the image. Where all raters rated all images this is Student's
    interval over the raters' means, with raters - 1 degrees of freedom. Clipped to 1..5, between which every expected
    rating lies.
    """
    there = ~np.isnan(ratings)
    ratings, there = ratings[:, there.any(axis=0)], there[:, there.any(axis=0)]
    if ratings.size == 0:
        return None
    counts = there.sum(axis=0)
    means = np.nanmean(ratings, axis=0)
    mean, raters = float(means.mean()), int(there.any(axis=1).sum())
    if raters < 2:
        return Score(mean, None, None, raters, int(there.sum()))
    # An image with a single rating says nothing of its spread: its distance from the method's mean stands in.
    center = np.where(counts > 1, means, mean)
    scale = np.where(counts > 1, np.sqrt(counts / np.maximum(counts - 1, 1)), 1.0)
    sums = (np.where(there, ratings - center, 0.0) * scale / counts).sum(axis=1) / len(counts)
    half = stats.t.ppf((1 + LEVEL) / 2, raters - 1) * float(np.sqrt((sums**2).sum()))
    return Score(mean, max(mean - half, 1.0), min(mean + half, 5.0), raters, int(there.sum()))


def compare(methods: Sequence[str], means: np.ndarray) -> list[Comparison]:
    """Every pair of methods by a two-sided Wilcoxon signed-rank test on raters' means, with Holm's correction.

    means: (raters, methods), NaN where a rater rated no image of a method. The SRGAN paper uses this test
    too. A rater, and not a rating, is the unit, since ratings by one person are not independent.
    """
    pairs = []
    for a, b in combinations(range(len(methods)), 2):
        differences = (means[:, a] - means[:, b])[~np.isnan(means[:, a] - means[:, b])]
        if differences.size:
            pairs.append((methods[a], methods[b], differences))
    p_values = [_wilcoxon(differences) for _, _, differences in pairs]
    return [
        Comparison(first, second, float(differences.mean()), p, adjusted, differences.size)
        for (first, second, differences), p, adjusted in zip(pairs, p_values, holm(p_values), strict=True)
    ]


def _wilcoxon(differences: np.ndarray) -> float:
    """1 where nobody saw a difference."""
    differences = differences.round(9)  # means of the same ratings in another order must tie
    return float(stats.wilcoxon(differences).pvalue) if differences.any() else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p values of Holm 1979, "A simple sequentially rejective multiple test procedure"; order kept."""
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(np.argsort(p_values, kind="stable")):
        largest = max(largest, min(1.0, p_values[index] * (len(p_values) - rank)))
        adjusted[index] = largest
    return adjusted
