"""The two things that data comes in: a batch to train on, and an image to measure on."""

from typing import NamedTuple

import numpy as np
from torch import Tensor


class Batch(NamedTuple):
    """Training patches of one scale.

    lr: (N, C, h, w), hr: (N, C, scale*h, scale*w); uint8 from the loader, float in [0, 1] once on the device.
    condition: what a degradation-conditioned network needs beside the image.
    """

    lr: Tensor
    hr: Tensor
    scale: int
    condition: Tensor | None = None


class Pair(NamedTuple):
    """A whole image: lr (1, C, h, w) float32 in [0, 1] as the protocol gives it to methods; hr the uint8 reference."""

    name: str
    lr: Tensor
    hr: np.ndarray
    scale: int
