"""The two things that data comes in: a batch to train on, and an image to measure on."""

from typing import NamedTuple

import numpy as np
from torch import Tensor


class Batch(NamedTuple):
    """Training patches of one scale.

    lr: (N, C, h, w), hr: (N, C, H, W); uint8 from the loader, float in [0, 1] once on the device.
    condition: what a degradation-conditioned network needs beside the image. margin: LR pixels that lr has around the
    part that shows hr; the HR patch is the top left H x W of that part, enlarged.
    A step on several scales at once is a list of batches.
    """

    lr: Tensor
    hr: Tensor
    scale: int
    condition: Tensor | None = None
    margin: int = 0


class Pair(NamedTuple):
    """A whole image: lr (1, C, h, w) float32 in [0, 1] as the protocol gives it to methods; hr the uint8 reference.

    condition: what a degradation-conditioned network needs beside the image, of one sample.
    """

    name: str
    lr: Tensor
    hr: np.ndarray
    scale: int
    condition: Tensor | None = None
