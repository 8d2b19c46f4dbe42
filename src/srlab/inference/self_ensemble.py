"""The geometric self-ensemble, written "+" in tables (EDSR, section 3.4)."""

from collections.abc import Callable

import torch
from torch import Tensor

from srlab.imaging.symmetries import orient, undo


def ensembled(forward: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Returns a function that averages `forward` over the 8 orientations of its input, before any rounding.

    Args:
        forward: (N, C, h, w) -> (N, C, scale * h, scale * w).
    """

    def average(lr: Tensor) -> Tensor:
        results = [undo(forward(orient(lr, transform).contiguous()), transform).float() for transform in range(8)]
        return torch.stack(results).mean(dim=0)

    return average
