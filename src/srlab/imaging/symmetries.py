"""The 8 symmetries of the square: flips and quarter turns of images, for augmentation and the self-ensemble."""

from typing import TypeVar

import numpy as np
from torch import Tensor

Image = TypeVar("Image", np.ndarray, Tensor)
SYMMETRIES = 8


def orient(image: Image, symmetry: int) -> Image:
    """Turns an image into one of its 8 orientations.

    Args:
        image: (..., H, W) array or tensor.
        symmetry: 0 to 7. Bit 4 transposes; then bit 1 flips the rows and bit 2 the columns.

    Returns:
        (..., H, W), or (..., W, H) where bit 4 is set. Of an array it is a view.
    """
    if symmetry & 4:
        image = image.swapaxes(-1, -2)
    return _flip(image, symmetry)


def undo(image: Image, symmetry: int) -> Image:
    """Inverts `orient` with the same `symmetry`."""
    image = _flip(image, symmetry)
    return image.swapaxes(-1, -2) if symmetry & 4 else image


def _flip(image: Image, symmetry: int) -> Image:
    if isinstance(image, Tensor):
        axes = [axis for bit, axis in ((1, -2), (2, -1)) if symmetry & bit]
        return image.flip(axes) if axes else image
    if symmetry & 1:
        image = image[..., ::-1, :]
    return image[..., ::-1] if symmetry & 2 else image
