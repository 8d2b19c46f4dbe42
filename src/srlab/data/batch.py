"""Batches of patches, to train on, and pairs of whole images, to measure on."""

from typing import NamedTuple

import numpy as np
from torch import Tensor


class Batch(NamedTuple):
    """Training patches of one scale. A step on several scales at once is a list of batches.

    Attributes:
        lr: (N, C, h, w); uint8 from the loader, float in [0, 1] once on the device.
        hr: (N, C, H, W), likewise.
        scale: HR over LR side.
        condition: (N, K), what a degradation-conditioned network is told of each LR patch, or None.
        margin: LR pixels on every side of `lr` beyond what `hr` shows; `hr` begins where the margin ends.
        blend: how far its scale is blended in, 0..1, where scales join a training one after the other (data.growth).
        easier: `hr` degraded as `lr` is, but not shrunk, likewise: what early steps are to give (data.curriculum). None
            where no such target is asked for, or the degradation has none.
    """

    lr: Tensor
    hr: Tensor
    scale: int
    condition: Tensor | None = None
    margin: int = 0
    blend: float = 1.0
    easier: Tensor | None = None

    def crop_margin(self, enlarged: Tensor) -> Tensor:
        """Returns the part of `lr` enlarged, (N, C, scale * h, scale * w), that shows `hr`: (N, C, H, W)."""
        return _window(enlarged, self.margin * self.scale, *self.hr.shape[2:])

    @property
    def lr_without_margin(self) -> Tensor:
        """The LR pixels under `hr`."""
        height, width = (side // self.scale for side in self.hr.shape[2:])
        return _window(self.lr, self.margin, height, width)


def _window(image: Tensor, first: int, height: int, width: int) -> Tensor:
    return image[..., first : first + height, first : first + width]


class Pair(NamedTuple):
    """A whole image.

    Attributes:
        name: of the image.
        lr: (1, C, h, w) float32 in [0, 1], as the protocol gives it to methods.
        hr: the reference, (H, W) or (H, W, 3) uint8.
        scale: HR over LR side.
        condition: (1, K), what a degradation-conditioned network is told of the LR image, or None.
    """

    name: str
    lr: Tensor
    hr: np.ndarray
    scale: int
    condition: Tensor | None = None
