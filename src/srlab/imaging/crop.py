"""Crops that the field's protocols agree on: to a multiple of the scale, and by a border."""

import numpy as np


def crop_to_multiple(image: np.ndarray, scale: int) -> np.ndarray:
    """Returns the top left part of (H, W, ...) whose sides are multiples of `scale` ("modcrop"), as a view."""
    height, width = image.shape[:2]
    return image[: height - height % scale, : width - width % scale]


def crop_border(image: np.ndarray, border: int) -> np.ndarray:
    """Returns (H, W, ...) without `border` pixels on every side ("shave"), as a view."""
    return image[border:-border, border:-border] if border else image
