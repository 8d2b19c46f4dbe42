"""The geometric self-ensemble, written "+" in tables (EDSR, section 3.4)."""

from collections.abc import Callable

import torch
from torch import Tensor


def orient(image: Tensor, transform: int) -> Tensor:
    """One of the 8 symmetries of the square, of (..., H, W). Bit 4 transposes, then bit 1 flips rows, bit 2 columns."""
    if transform & 4:
        image = image.transpose(-1, -2)
    flipped = [axis for bit, axis in ((1, -2), (2, -1)) if transform & bit]
    return image.flip(flipped) if flipped else image


def undo(image: Tensor, transform: int) -> Tensor:
    """The inverse of `orient`."""
    flipped = [axis for bit, axis in ((1, -2), (2, -1)) if transform & bit]
    image = image.flip(flipped) if flipped else image
    return image.transpose(-1, -2) if transform & 4 else image


def ensembled(forward: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Averages forward over the 8 orientations, in floating point and before any rounding."""

    def average(lr: Tensor) -> Tensor:
        results = [undo(forward(orient(lr, transform).contiguous()), transform).float() for transform in range(8)]
        return torch.stack(results).mean(dim=0)

    return average
