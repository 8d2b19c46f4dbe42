"""Planes of the scene: their vanishing lines, and how likely each pixel lies on them.

After Huang, Kang, Ahuja and Kopf, Image Completion Using Planar Structure Guidance (ACM Transactions on Graphics,
2014), as SelfExSR does: every two vanishing points span a plane, and one plane faces the camera.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch

from srlab.classics.selfexsr.line_segments import Segments, line_segments
from srlab.classics.selfexsr.vanishing_points import vanishing_points
from srlab.imaging.resize import imresize_to

SPREAD = 60.0  # pixels: the authors blur five times with a window of 100 and a deviation of 50
FRONTAL = 1e-4  # likelihood of the plane that faces the camera
FLOOR = 0.1  # added to every probability
NEAREST = 1.0  # pixels from the first pixel to a vanishing line that h and k can express


@dataclass(frozen=True)
class Planes:
    """Planes of an image; the last one faces the camera.

    Attributes:
        lines: (planes, 2), float32: h and k of the vanishing line h x + k y + 1 = 0 in pixels; zeros at infinity.
        log_probability: (planes, H, W), float32.
    """

    lines: np.ndarray
    log_probability: np.ndarray

    def at_size(self, height: int, width: int) -> "Planes":
        """Returns the planes of the same image at another size."""
        ratio_y, ratio_x = height / self.log_probability.shape[1], width / self.log_probability.shape[2]
        to_own = np.array([[1 / ratio_x, 0, 0.5 / ratio_x - 0.5], [0, 1 / ratio_y, 0.5 / ratio_y - 0.5], [0, 0, 1]])
        lines = np.concatenate([self.lines, np.ones((len(self.lines), 1))], axis=1) @ to_own
        probability = imresize_to(torch.from_numpy(self.log_probability).exp()[None], height, width)[0].numpy()
        probability = probability / probability.sum(axis=0)
        return Planes((lines[:, :2] / lines[:, 2:]).astype(np.float32), np.log(probability))


def frontal(height: int, width: int) -> Planes:
    """Returns the plane that faces the camera alone."""
    return Planes(np.zeros((1, 2), np.float32), np.zeros((1, height, width), np.float32))


def planes_of(image: np.ndarray) -> Planes:
    """Finds the planes of an image by its vanishing points.

    A pixel's planes are as likely as segments of both their points are near it. Where there are no two vanishing
    points, only the plane that faces the camera is left.

    Args:
        image: (h, w), in [0, 1].
    """
    height, width = image.shape
    points = vanishing_points(line_segments(image), height, width)
    densities = [_density(point.segments, height, width) for point in points]
    lines, likelihoods = [], []
    for first, second in combinations(range(len(points)), 2):
        line = np.cross(points[first].position, points[second].position)
        if abs(line[2]) >= NEAREST * np.hypot(line[0], line[1]):
            lines.append(line[:2] / line[2])
            likelihoods.append(densities[first] * densities[second])
    lines.append(np.zeros(2))
    likelihoods.append(np.full((height, width), FRONTAL))
    probability = np.stack(likelihoods) / np.sum(likelihoods, axis=0) + FLOOR
    probability /= probability.sum(axis=0)
    return Planes(np.array(lines, np.float32), np.log(probability).astype(np.float32))


def _density(segments: Segments, height: int, width: int) -> np.ndarray:
    """Returns (height, width): how much of the segments is near each pixel; a pixel of a segment counts 1."""
    from scipy import ndimage  # noqa: PLC0415 - takes a moment, and other networks need none of it

    drawn = np.zeros((height, width))
    for middle, direction, length in zip(segments.middles, segments.directions, segments.lengths, strict=True):
        places = np.linspace(-length / 2, length / 2, 2 * int(length) + 2)
        x, y = np.rint(middle + places[:, None] * direction).astype(np.int64).T
        drawn[y.clip(0, height - 1), x.clip(0, width - 1)] = 1
    return np.asarray(ndimage.gaussian_filter(drawn, SPREAD, mode="nearest"))
