"""The pyramid of one image: the levels to be synthesised above it, and what it shows of itself below it."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from srlab.imaging.resize import imresize_to

STEPS_PER_OCTAVE = 3
COARSEST = 8  # the image is reduced to an eighth


def steps_of(scale: int) -> int:
    """Returns the number of levels from the image to the result: 3 at x2, 5 at x3, 6 at x4, 9 at x8."""
    return round(STEPS_PER_OCTAVE * math.log2(scale))


@dataclass(frozen=True)
class Pyramid:
    """Images by level. Level 0 is the image itself, level k is `step**k` times as large, and negative ones are smaller.

    Attributes:
        step: ratio of sides from one level to the next.
        depth: the number of levels below the image.
        sharp: level -> (1, 1, H, W), with all the detail that the level has.
        smooth: level -> the same image without the detail that the next coarser level cannot hold.
    """

    step: float
    depth: int
    sharp: dict[int, Tensor]
    smooth: dict[int, Tensor]

    def size(self, level: int) -> tuple[int, int]:
        """Returns height and width of a level."""
        height, width = self.sharp[0].shape[2:]
        return _rounded(height * self.step**level), _rounded(width * self.step**level)

    def add(self, level: int, image: Tensor) -> None:
        """Adds a synthesised level, the next above those that are there."""
        self.sharp[level] = image
        self.smooth[level] = imresize_to(imresize_to(image, *self.size(level - 1)), *self.size(level))


def _rounded(side: float) -> int:
    """Rounds half up, also 9.5 that came out as 9.4999999; at least 1."""
    return max(math.floor(round(side, 6) + 0.5), 1)


def pyramid_of(image: Tensor, scale: int) -> Pyramid:
    """Returns the pyramid of an image with the levels up to the image itself.

    Pairs of sharp and smooth images are those of Freedman and Fattal (ACM Transactions on Graphics, 2011).

    Args:
        image: (1, 1, h, w).
        scale: at least 2; the levels lead to it.
    """
    step = scale ** (1 / steps_of(scale))
    depth = math.ceil(round(math.log(COARSEST) / math.log(step), 6))
    pyramid = Pyramid(step, depth, {0: image}, {})
    for level in range(1, depth + 2):
        pyramid.sharp[-level] = imresize_to(image, *pyramid.size(-level))
    for level in range(depth + 1):
        pyramid.smooth[-level] = imresize_to(pyramid.sharp[-level - 1], *pyramid.size(-level))
    return pyramid


def packed(images: dict[int, Tensor], level: int, depth: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the sources of a level as the kernels take them.

    Args:
        images: the sharp or the smooth ones of a pyramid.
        level: of the target, above all the sources.
        depth: the number of sources.

    Returns:
        pixels of all sources, float32, and (depth, 3) of offset, height and width.
    """
    sources = [images[level - k].squeeze(0).squeeze(0) for k in range(1, depth + 1)]
    offsets = np.cumsum([0] + [image.numel() for image in sources[:-1]])
    shapes = np.array([(offset, *image.shape) for offset, image in zip(offsets, sources, strict=True)], np.int64)
    return torch.cat([image.reshape(-1) for image in sources]).float().numpy(), shapes
