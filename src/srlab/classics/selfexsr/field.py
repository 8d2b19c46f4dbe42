"""The nearest-neighbour field before the search: on the first level, and from one level to the next."""

import numpy as np

from srlab.classics.selfexsr.arrays import Field
from srlab.classics.selfexsr.kernels import RADIUS

FIRST_SCALE = 2.0  # of source patches before any search


def first_field(height: int, width: int, front: int) -> Field:
    """Returns a field in which every source is at the place of its target, at twice the scale.

    Args:
        height, width: of the level.
        front: the number of the plane that faces the camera.
    """
    y, x = np.mgrid[:height, :width]
    transforms = np.zeros((height, width, 3, 3), np.float32)
    transforms[..., 0, 0] = transforms[..., 1, 1] = FIRST_SCALE
    transforms[..., 0, 2], transforms[..., 1, 2], transforms[..., 2, 2] = x, y, 1
    planes = np.full((height, width), front, np.int64)
    none = np.zeros((height, width), np.float32)
    return Field(transforms, np.ascontiguousarray(transforms[..., :2, :2]), planes, none, none.copy())


def enlarged(field: Field, height: int, width: int) -> Field:
    """Returns the field of the next finer level: each patch continues the source of the nearest coarser patch."""
    rows, ratio_y, right = _nearest(field.costs.shape[0], height)
    columns, ratio_x, down = _nearest(field.costs.shape[1], width)
    at = np.ix_(rows, columns)
    to_finer = np.array([[ratio_x, 0, (ratio_x - 1) / 2], [0, ratio_y, (ratio_y - 1) / 2], [0, 0, 1]])
    to_coarser = np.zeros((height, width, 3, 3))
    to_coarser[..., 0, 0], to_coarser[..., 1, 1], to_coarser[..., 2, 2] = 1 / ratio_x, 1 / ratio_y, 1
    to_coarser[..., 0, 2], to_coarser[..., 1, 2] = down[None, :] / ratio_x, right[:, None] / ratio_y
    transforms = to_finer @ field.transforms[at] @ to_coarser
    transforms /= transforms[..., 2:, 2:]
    for row, side in ((0, width), (1, height)):
        transforms[..., row, 2] = transforms[..., row, 2].clip(RADIUS, side - 1 - RADIUS)
    rest = (getattr(field, name)[at] for name in ("affines", "planes", "costs", "biases"))
    return Field(transforms.astype(np.float32), *rest)


def _nearest(coarse: int, fine: int) -> tuple[np.ndarray, float, np.ndarray]:
    """Returns the nearest coarse patch of each fine pixel, the ratio, and how far away that patch's centre is.

    Args:
        coarse, fine: sides of two levels.

    Returns:
        (fine,) indices; fine / coarse; (fine,) distances in fine pixels.
    """
    ratio = fine / coarse
    position = np.arange(fine)
    index = np.rint((position + 0.5) / ratio - 0.5).astype(np.int64).clip(RADIUS, coarse - 1 - RADIUS)
    return index, ratio, position - ((index + 0.5) * ratio - 0.5)
