"""The spread of a number over seeds, and the bootstrap interval of a paired difference.

The interval is a bootstrap over two crossed samples, seeds and images (Owen 2007, "The pigeonhole bootstrap"): every
resample draws as many seeds and, independently, as many images as there are, with replacement, and takes the mean over
all pairs of them. Percentiles of such means are too narrow for a handful of seeds or images (Hesterberg 2015, "What
teachers should know about the bootstrap"): with 5 images 95% would be 85%. So the deviations of seeds and of images
from the mean are first multiplied by sqrt(n / (n - 1)) t / z, which is 1 for many of them, and for few makes the
interval about as wide as Student's.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from srlab import finite

RESAMPLES = 10_000
LEVEL = 0.95
SEED = 0  # a report that is made again says the same


@dataclass(frozen=True)
class Spread:
    """A mean over seeds, and the standard deviation (n - 1); None for one seed, or where a value is not finite."""

    mean: float
    deviation: float | None


@dataclass(frozen=True)
class Difference:
    """A mean paired difference and its interval.

    Attributes:
        mean: over seeds and images.
        low: lower end of the interval; None where there is a single seed and a single image.
        high: upper end, likewise.
        seeds: those that both sides have.
        left_out: how many images it is not over, since a value of them is infinite.
    """

    mean: float
    low: float | None
    high: float | None
    seeds: tuple[int, ...] = ()
    left_out: int = 0


def spread(values: Sequence[float]) -> Spread:
    """Returns mean and standard deviation of one value a seed, by the rule of `srlab.finite`."""
    varies = len(values) > 1 and finite.is_finite(*values)
    return Spread(finite.mean(values), float(np.std(values, ddof=1)) if varies else None)


def paired_difference(differences: np.ndarray, seeds: tuple[int, ...] = (), left_out: int = 0) -> Difference:
    """Returns the mean difference with its 95% interval.

    With one seed, only images are resampled, and the interval says nothing of how training varies; likewise for one
    image.

    Args:
        differences: (seeds, images).
        seeds: what the rows are, for the result.
        left_out: how many images are not among the columns, for the result.

    Raises:
        ValueError: the array is empty, or a value is not finite.
    """
    if differences.size == 0 or not finite.is_finite(*differences.flat):
        raise ValueError("expected finite differences, at least one")
    mean = float(differences.mean())
    if differences.size == 1:
        return Difference(mean, None, None, seeds, left_out)
    of_seeds, of_images = differences.mean(axis=1, keepdims=True) - mean, differences.mean(axis=0) - mean
    rest = differences - mean - of_seeds - of_images
    widened = mean + _widening(len(of_seeds)) * of_seeds + _widening(len(of_images)) * of_images + rest
    means = (_shares(len(of_seeds), 0) @ widened * _shares(len(of_images), 1)).sum(axis=1)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Difference(mean, float(low), float(high), seeds, left_out)


def _widening(n: int) -> float:
    """Returns the factor that makes the interval of a resampled mean of n values as wide as Student's."""
    if n == 1:
        return 1.0  # it has no deviation
    upper = (1 + LEVEL) / 2
    return float(np.sqrt(n / (n - 1)) * stats.t.ppf(upper, n - 1) / stats.norm.ppf(upper))


@functools.lru_cache(maxsize=8)
def _shares(n: int, level: int) -> np.ndarray:
    """(RESAMPLES, n): the share of each of n items in every resample."""
    return np.random.default_rng([SEED, level]).multinomial(n, np.full(n, 1 / n), size=RESAMPLES) / n
