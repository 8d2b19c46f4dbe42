"""PatchMatch over positions, scales, affine and planar transforms: random search and propagation, in threads."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from srlab.classics.selfexsr import kernels
from srlab.classics.selfexsr.arrays import Field, Level
from srlab.classics.selfexsr.kernels import RADIUS

DRAWS = 7  # random numbers for one candidate: 2 for the position, 4 for the affine part, 1 for the plane
DIRECTIONS = ((1, 0), (0, 1), (-1, 0), (0, -1))


def search(level: Level, field: Field, iterations: int, random: np.random.Generator) -> None:
    """Improves a field: in every iteration each patch tries random changes, and then what its neighbours found.

    Random changes begin with a quarter of the image's longer side, halved, and end at a pixel.

    Args:
        level: target and sources.
        field: changed in place.
        iterations: their number.
        random: gives the same field for the same seed, whatever the number of threads.
    """
    height, width = level.target.shape
    _in_threads(kernels.costs, height, level, field)
    for _ in range(iterations):
        updated = np.zeros((height, width), np.bool_)
        radius, shrink = max(height, width) / 4, 1
        while radius > 1:
            radius, shrink = radius / 2, shrink + 1
            draws = random.random((height, width, DRAWS), np.float32)
            _in_threads(kernels.random_search, height, level, field, updated, radius, shrink, draws)
        for dx, dy in DIRECTIONS:
            _in_threads(kernels.propagate, height if dx else width, level, field, updated, dx, dy)


def _in_threads(kernel: Callable[..., None], side: int, *arguments: Any) -> None:
    """Calls a kernel for all lines on which patches have their centres, in as many threads as PyTorch uses.

    Args:
        kernel: takes the first line, the last line and the arguments.
        side: the number of lines of the image.
    """
    workers = torch.get_num_threads()
    ends = np.linspace(RADIUS, side - RADIUS, workers + 1).round().astype(int).tolist()
    with ThreadPoolExecutor(workers) as pool:
        for job in [pool.submit(kernel, first, last, *arguments) for first, last in pairwise(ends)]:
            job.result()
