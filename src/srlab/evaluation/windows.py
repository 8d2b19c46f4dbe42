"""Which window of an image a figure shows enlarged: where methods differ most."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from srlab.imaging.crop import crop_border


class Window(NamedTuple):
    """A part of an image, in pixels of HR."""

    left: int
    top: int
    width: int
    height: int

    def of(self, image: np.ndarray) -> np.ndarray:
        """Returns this part of (H, W, ...), as a view."""
        return image[self.top : self.top + self.height, self.left : self.left + self.width]

    def lies_in(self, shape: Sequence[int]) -> bool:
        """Whether it is a part, of at least a pixel, of an image of shape (H, W, ...)."""
        return (
            min(self.left, self.top) >= 0
            and min(self.width, self.height) >= 1
            and self.left + self.width <= shape[1]
            and self.top + self.height <= shape[0]
        )


def heaviest(values: np.ndarray, size: int) -> tuple[int, int]:
    """Finds the square window with the largest sum; of several the first by rows.

    Args:
        values: (H, W) or (H, W, C), of which the mean over channels counts.
        size: side of the window in pixels; that of the image where it is smaller.

    Returns:
        (top, left).
    """
    plane = values.reshape(*values.shape[:2], -1).mean(axis=2, dtype=np.float64)
    total = np.pad(plane.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    size = min(size, *plane.shape)
    sums = total[size:, size:] - total[:-size, size:] - total[size:, :-size] + total[:-size, :-size]
    top, left = np.unravel_index(int(sums.argmax()), sums.shape)
    return int(top), int(left)


def squared_error(approximation: np.ndarray, hr: np.ndarray) -> np.ndarray:
    """Returns how far an approximation is from the truth; all (H, W) or (H, W, C), the arguments uint8."""
    error: np.ndarray = (approximation.astype(np.float64) - hr) ** 2
    return error


def telling_window(
    results: Sequence[np.ndarray], bicubic: np.ndarray, hr: np.ndarray, size: int, border: int
) -> Window:
    """Finds the square window in which methods differ most: by their variance, in which HR has no part.

    Where fewer than two methods are shown, it is where bicubic is furthest from HR.

    Args:
        results: of all methods, (H, W) or (H, W, C), uint8.
        bicubic: likewise.
        hr: likewise.
        size: side of the window in pixels; less where the image is smaller.
        border: pixels on every side that are not measured, and not chosen.
    """
    inner = [crop_border(image, border) for image in results]
    if len(inner) > 1:
        weights = _variance(inner)
    else:
        weights = squared_error(crop_border(bicubic, border), crop_border(hr, border))
    size = min(size, *weights.shape[:2])
    top, left = heaviest(weights, size)
    return Window(left + border, top + border, size, size)


def _variance(images: Sequence[np.ndarray]) -> np.ndarray:
    """Over images of uint8, value by value; one after the other, since all of them as floating point take gigabytes."""
    total, squares = np.zeros(images[0].shape), np.zeros(images[0].shape)
    for image in images:
        total += image
        squares += image.astype(np.float64) ** 2
    return squares / len(images) - (total / len(images)) ** 2
