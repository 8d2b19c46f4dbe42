"""What the compiled kernels work on: tuples of arrays, since numba knows no other records."""

from typing import NamedTuple

import numpy as np


class Level(NamedTuple):
    """A level of the pyramid and all that a patch of it is compared with.

    Attributes:
        target: (H, W), float32, in [0, 1].
        pixels: of all the sources, one image after the other, float32.
        shapes: (sources, 3): offset into `pixels`, height and width. Row k is k + 1 levels coarser than the target.
        step: ratio of sides from one level to the next.
        lines: (planes, 2), as in `planes.Planes`.
        log_planes: (planes, H, W), the logarithm of each plane's probability.
    """

    target: np.ndarray
    pixels: np.ndarray
    shapes: np.ndarray
    step: float
    lines: np.ndarray
    log_planes: np.ndarray


class Field(NamedTuple):
    """The nearest-neighbour field: where the patch around each pixel has its source. Patches lie within the image.

    A transform is a 3 x 3 matrix that takes (dx, dy, 1), an offset from the centre of the target patch, to a position
    (x, y) of the source, in the target image's pixels. It is homogeneous, and [2, 2] is 1.

    Attributes:
        transforms: (H, W, 3, 3), float32.
        affines: (H, W, 2, 2), float32, the change of the patch before it is seen in perspective.
        planes: (H, W), int64, which plane it lies on.
        costs: (H, W), float32, of the transforms.
        biases: (H, W), float32, what is added to a source.
    """

    transforms: np.ndarray
    affines: np.ndarray
    planes: np.ndarray
    costs: np.ndarray
    biases: np.ndarray
