"""Straight line segments of an image, by line-support regions (Burns, Hanson and Riseman, PAMI 1986)."""

from dataclasses import dataclass

import numpy as np

SMOOTHING = 0.7  # pixels, before gradients are taken
FAINTEST = 0.02  # gradient per pixel, of a range of 1
BINS = 8  # of the gradient's direction, over 360 degrees
SHORTEST = 8.0  # pixels
THICKEST = 1.2  # pixels, root mean square


@dataclass(frozen=True)
class Segments:
    """Line segments.

    Attributes:
        middles: (n, 2), x and y in pixels.
        directions: (n, 2), of length 1.
        lengths: (n,), in pixels, from long to short.
    """

    middles: np.ndarray
    directions: np.ndarray
    lengths: np.ndarray

    def without(self, taken: np.ndarray) -> "Segments":
        """Returns the segments that an (n,) mask does not hold."""
        return Segments(self.middles[~taken], self.directions[~taken], self.lengths[~taken])


def line_segments(image: np.ndarray) -> Segments:
    """Finds the segments along which an image has gradients of one direction.

    Neighbouring pixels whose gradients fall into the same bin of directions are a region. There are two sets of bins,
    the second turned by half a bin, so that no direction is always cut in two: longer regions take the pixels of
    shorter ones.

    Args:
        image: (h, w), in [0, 1].
    """
    from scipy import ndimage  # noqa: PLC0415 - takes a moment, and other networks need none of it

    smooth = ndimage.gaussian_filter(image.astype(np.float64), SMOOTHING)
    across, along = ndimage.sobel(smooth, axis=1) / 8, ndimage.sobel(smooth, axis=0) / 8
    strength, angle = np.hypot(across, along), np.arctan2(along, across)
    regions = []
    for turn in (0.0, 0.5):
        bins = np.floor(angle / (2 * np.pi) * BINS + turn).astype(np.int64) % BINS
        for number in range(BINS):
            labels, count = ndimage.label((bins == number) & (strength > FAINTEST), np.ones((3, 3)))
            slices = ndimage.find_objects(labels)
            for label, window in zip(range(1, count + 1), slices, strict=True):
                y, x = np.nonzero(labels[window] == label)
                if len(y) >= SHORTEST:
                    regions.append(_fitted(y + window[0].start, x + window[1].start, strength))
    return _claimed([region for region in regions if region[1][4] >= SHORTEST], image.shape)


def _fitted(y: np.ndarray, x: np.ndarray, strength: np.ndarray) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """Returns a region's pixels and its segment: middle, direction and length, or a length of 0 for one too thick."""
    weights = strength[y, x] / strength[y, x].sum()
    points = np.stack([x, y], axis=1).astype(np.float64)
    middle = weights @ points
    offsets = points - middle
    variances, axes = np.linalg.eigh((offsets * weights[:, None]).T @ offsets)
    direction = axes[:, 1]
    places = offsets @ direction
    length = places.max() - places.min() if variances[0] <= THICKEST**2 else 0.0
    return (y, x), np.array([*middle + direction * (places.max() + places.min()) / 2, *direction, length])


def _claimed(regions: list[tuple[tuple[np.ndarray, np.ndarray], np.ndarray]], shape: tuple[int, ...]) -> Segments:
    """Returns the segments of the regions that own most of their pixels, where the longest choose first."""
    free, chosen = np.ones(shape, bool), [np.zeros((0, 5))]
    for (y, x), segment in sorted(regions, key=lambda region: -region[1][4]):
        if free[y, x].mean() > 0.5:
            free[y, x] = False
            chosen.append(segment[None])
    table = np.concatenate(chosen)
    return Segments(table[:, :2], table[:, 2:4], table[:, 4])
