"""Iterative back-projection: the result, shrunk, becomes the image that was given."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from srlab.imaging.resize import imresize_to

ITERATIONS = 20
SIGMA = 1.0


def kernel() -> Tensor:
    """Returns (1, 1, 5, 5): a Gaussian, squared, with a sum of 1."""
    gauss = np.exp(-(np.arange(-2, 3) ** 2) / (2 * SIGMA**2)) ** 2
    weights = np.outer(gauss, gauss)
    return torch.from_numpy(weights / weights.sum()).float()[None, None]


def back_projected(image: Tensor, lr: Tensor, iterations: int = ITERATIONS) -> Tensor:
    """Adds to an image what its reduction lacks of the low-resolution image, again and again (Irani and Peleg 1991).

    Args:
        image: (1, 1, H, W).
        lr: (1, 1, h, w), with sides not above those of the image.
        iterations: their number.

    Returns:
        (1, 1, H, W), in [0, 1].
    """
    weights = kernel().to(image)
    for _ in range(iterations):
        missing = imresize_to(lr - imresize_to(image, *lr.shape[2:]), *image.shape[2:])
        image = (image + F.conv2d(F.pad(missing, (2, 2, 2, 2), mode="replicate"), weights)).clamp(0, 1)
    return image
