"""The whole method: from an image, level by level, to its enlargement."""

import numpy as np
import torch
from torch import Tensor

from srlab.classics.selfexsr.arrays import Field, Level
from srlab.classics.selfexsr.back_projection import back_projected
from srlab.classics.selfexsr.field import enlarged, first_field
from srlab.classics.selfexsr.kernels import SIDE, vote
from srlab.classics.selfexsr.planes import Planes, frontal, planes_of
from srlab.classics.selfexsr.pyramid import Pyramid, packed, pyramid_of, steps_of
from srlab.classics.selfexsr.search import search
from srlab.imaging.resize import imresize_to

FEWER = 3  # iterations from one level to the next
FEWEST = 3


def super_resolve(image: Tensor, scale: int, planes: bool = True, iterations: int = 12, seed: int = 1) -> Tensor:
    """Enlarges one channel of an image by patches of its own smaller copies.

    Each level begins as the level below, enlarged by bicubic. Patches of it that look like a patch of a blurred smaller
    image are replaced by that of the sharp one; the mean of all that cover a pixel is back-projected.

    Args:
        image: (1, 1, h, w), float32, in [0, 1], on the CPU.
        scale: at least 1; at 1 the result is the image.
        planes: whether patches are also sought in the perspective of planes that vanishing points show.
        iterations: of the search on the first level; each of the next has 3 fewer, down to 3.
        seed: of the random search.

    Returns:
        (1, 1, scale * h, scale * w), float32, in [0, 1].
    """
    if scale == 1:
        return image.clamp(0, 1)
    height, width = image.shape[2:]
    image = _at_least_a_patch(image)
    pyramid, random = pyramid_of(image, scale), np.random.default_rng(seed)
    scene = planes_of(image[0, 0].numpy()) if planes else frontal(*image.shape[2:])
    field = None
    for number in range(1, steps_of(scale) + 1):
        level = _level(pyramid, number, scene)
        size = pyramid.size(number)
        field = first_field(*size, len(scene.lines) - 1) if field is None else enlarged(field, *size)
        search(level, field, iterations, random)
        iterations = max(iterations - FEWER, min(iterations, FEWEST))
        pyramid.add(number, back_projected(_voted(pyramid, number, level, field), image))
    return pyramid.sharp[number][..., : scale * height, : scale * width]


def _at_least_a_patch(image: Tensor) -> Tensor:
    """Returns an image of at least 5 x 5, continued by its mirror image on the right and below where it is smaller."""
    missing = [(0, max(SIDE - side, 0)) for side in image.shape[2:]]
    return torch.from_numpy(np.pad(image[0, 0].numpy(), missing, mode="symmetric"))[None, None]


def _level(pyramid: Pyramid, number: int, scene: Planes) -> Level:
    """Returns the next level as it is before its synthesis, and the blurred images that it is compared with."""
    size = pyramid.size(number)
    target = imresize_to(pyramid.sharp[number - 1], *size)[0, 0].numpy()
    planes = scene.at_size(*size)
    sources = packed(pyramid.smooth, number, pyramid.depth)
    return Level(target, *sources, pyramid.step, planes.lines, planes.log_probability)


def _voted(pyramid: Pyramid, number: int, level: Level, field: Field) -> Tensor:
    """Returns (1, 1, H, W), the mean of the patches that the field finds, now of the sharp images."""
    pixels, _ = packed(pyramid.sharp, number, pyramid.depth)
    return torch.from_numpy(vote(level._replace(pixels=pixels), field))[None, None]
