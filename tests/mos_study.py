"""A small study: five images of 48 x 40 by five methods, and simulated ratings of it."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from mos_rehearsal import CHROMIUM, DRIVER
from scipy import stats

from srlab.config.schema import MosConfig
from srlab.data.image_sets import ImageSet, Picture
from srlab.data.synthetic import synthetic_image
from srlab.evaluation.measure import EvaluationSettings, ResultRow, evaluate
from srlab.methods import find_method
from srlab.metrics.protocol import protocol
from srlab.mos.export import add_anchors, export
from srlab.mos.observations import Observation, Observations
from srlab.mos.study import Item, Study

METHODS = ("nearest", "bicubic", "bilinear", "lanczos", "HR")
QUALITY = {"nearest": 1.3, "bicubic": 2.1, "bilinear": 2.6, "lanczos": 3.2, "HR": 4.4}
needs_browser = pytest.mark.skipif(
    CHROMIUM is None or DRIVER is None,
    reason="no Chromium with its driver here (Debian: apt install chromium chromium-driver)",
)


def image_set(count: int = 5) -> ImageSet:
    pictures = (Picture(f"photo{i}", partial(lambda i: synthetic_image(i, 48)[:40], i)) for i in range(count))
    return ImageSet("five", tuple(pictures))


def measured(folder: Path, sets: list[ImageSet], scales: list[int]) -> tuple[list[ResultRow], EvaluationSettings]:
    settings = EvaluationSettings(protocol("luma"), save_images=folder / "images")
    methods = [(name, find_method("interpolation")({"kernel": name})) for name in ("bilinear", "lanczos")]
    rows = list(evaluate(methods, sets, scales, settings))
    return add_anchors(rows, sets, scales, settings), settings


def make_study(folder: Path, name: str = "study", **options: int | None) -> Study:
    sets = [image_set()]
    rows, settings = measured(folder, sets, [4])
    mos = MosConfig(**{"out": str(folder / name), "raters": 3, "repeats": 4, "seed": 0, **options})
    return export(rows, sets, settings, mos, {})


def simulated(
    raters: int, images: int, bias: np.ndarray, noise: float, generator: np.random.Generator, part: float = 1.0
) -> Observations:
    """Each rater rates each image by each of METHODS: quality plus the rater's bias plus noise, rounded and clipped.

    part: the chance that a rater has rated an image at all.
    """
    result = []
    for method in METHODS:
        for image in range(images):
            item = Item("five", 4, f"photo{image}", method, "")
            ratings = np.clip(np.rint(QUALITY[method] + bias + generator.normal(0, noise, raters)), 1, 5)
            result += [
                Observation(rater + 1, "test", item, int(rating))
                for rater, rating in enumerate(ratings)
                if generator.random() < part
            ]
    return Observations(METHODS, tuple(result))


def expected_rating(quality: float, bias: float, noise: float) -> float:
    """The mean rating, rounded and clipped, over all raters whose biases have the standard deviation `bias`."""
    return 5 - float(stats.norm.cdf((np.arange(1.5, 5) - quality) / np.hypot(bias, noise)).sum())
