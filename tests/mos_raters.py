"""Simulated raters: known quality, bias and noise; a rating is their sum, rounded and clipped to 1..5."""

from dataclasses import dataclass, field

import numpy as np
from scipy import stats

QUALITY = {"nearest": 1.3, "bilinear": 2.0, "bicubic": 2.4, "lanczos": 2.7, "HR": 4.5}


@dataclass
class SimulatedRater:
    """bias: grades added to everything. noise: standard deviation of a single rating."""

    bias: float
    noise: float
    generator: np.random.Generator = field(default_factory=np.random.default_rng)

    def rate(self, quality: float) -> int:
        return int(np.clip(np.rint(quality + self.bias + self.generator.normal(0, self.noise)), 1, 5))


def expected_rating(quality: np.ndarray, bias: float, noise: float) -> np.ndarray:
    """The mean rounded and clipped rating, over raters whose biases have the standard deviation `bias`."""
    edges = stats.norm.cdf((np.arange(1.5, 5)[:, None] - quality) / np.hypot(bias, noise))
    return 5 - edges.sum(axis=0)
