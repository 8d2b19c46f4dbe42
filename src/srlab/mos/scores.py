"""Mean opinion scores (MOS) with intervals, and tests of their differences.

Raters are the sample: an interval says where the MOS of other raters would lie. Images and methods are fixed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy import stats

LEVEL = 0.95


@dataclass(frozen=True)
class OpinionScore:
    """A mean opinion score and its 95% interval, low to high. Those are None where fewer than two raters rated."""

    mean: float
    low: float | None
    high: float | None
    raters: int
    ratings: int


@dataclass(frozen=True)
class MethodComparison:
    """Two methods on one set at one scale.

    difference: the mean over raters of first minus second, in grades. p: of the Wilcoxon signed-rank test. adjusted:
    the same after Holm's correction. raters: how many rated both.
    """

    first: str
    second: str
    difference: float
    p: float
    adjusted: float
    raters: int


def mean_opinion_score(ratings: np.ndarray) -> OpinionScore | None:
    """Returns the MOS of one method with its interval.

    The MOS is the mean over images of each image's mean rating. All ratings of one rater share that rater's bias, so a
    rater counts as one observation: the variance is that of the sum of each rater's deviations from the images' means
    (linearisation with raters as clusters; Cochran 1977, "Sampling Techniques", chapter 9A), each scaled by the root of
    n / (n - 1) for the n raters of the image. Where all raters rated all images, this is Student's interval over the
    raters' means, with raters - 1 degrees of freedom. It is clipped to 1..5, between which every expected rating lies.

    Args:
        ratings: (raters, images), 1 to 5, NaN where there is none.

    Returns:
        None where there are no ratings at all.
    """
    there = ~np.isnan(ratings)
    ratings, there = ratings[:, there.any(axis=0)], there[:, there.any(axis=0)]
    if ratings.size == 0:
        return None
    counts = there.sum(axis=0)
    means = np.nanmean(ratings, axis=0)
    mean, raters = float(means.mean()), int(there.any(axis=1).sum())
    if raters < 2:
        return OpinionScore(mean, None, None, raters, int(there.sum()))
    # A single rating of an image has no spread: its distance from the method's mean is taken instead.
    center = np.where(counts > 1, means, mean)
    scale = np.where(counts > 1, np.sqrt(counts / np.maximum(counts - 1, 1)), 1.0)
    sums = (np.where(there, ratings - center, 0.0) * scale / counts).sum(axis=1) / len(counts)
    half = stats.t.ppf((1 + LEVEL) / 2, raters - 1) * float(np.sqrt((sums**2).sum()))
    return OpinionScore(mean, max(mean - half, 1.0), min(mean + half, 5.0), raters, int(there.sum()))


def compare(methods: Sequence[str], means: np.ndarray) -> list[MethodComparison]:
    """Tests every pair of methods: two-sided Wilcoxon signed-rank tests on raters' means, with Holm's correction.

    The SRGAN paper uses this test too. The unit is a rater and not a rating, since the ratings of one person are not
    independent.

    Args:
        methods: names, in the order of the columns of `means`.
        means: (raters, methods), each rater's mean rating; NaN where a rater rated no image of a method.
    """
    pairs = []
    for a, b in combinations(range(len(methods)), 2):
        differences = (means[:, a] - means[:, b])[~np.isnan(means[:, a] - means[:, b])]
        if differences.size:
            pairs.append((methods[a], methods[b], differences))
    p_values = [_wilcoxon(differences) for _, _, differences in pairs]
    return [
        MethodComparison(first, second, float(differences.mean()), p, adjusted, differences.size)
        for (first, second, differences), p, adjusted in zip(pairs, p_values, holm(p_values), strict=True)
    ]


def _wilcoxon(differences: np.ndarray) -> float:
    """Returns p; 1 where nobody saw a difference."""
    differences = differences.round(9)  # means of the same ratings in another order must tie
    return float(stats.wilcoxon(differences).pvalue) if differences.any() else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusts p values, in the same order (Holm 1979, "A simple sequentially rejective multiple test procedure")."""
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(np.argsort(p_values, kind="stable")):
        largest = max(largest, min(1.0, p_values[index] * (len(p_values) - rank)))
        adjusted[index] = largest
    return adjusted
