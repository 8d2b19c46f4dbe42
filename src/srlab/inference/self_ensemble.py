"""The geometric self-ensemble, written "+" in tables (EDSR, section 3.4)."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from srlab.imaging.symmetries import orient, undo


def ensembled(forwards: Sequence[Callable[[Tensor], Tensor]]) -> Callable[[Tensor], Tensor]:
    """Returns a function that averages over the 8 orientations of its input, before any rounding.

    Args:
        forwards: for each orientation, what is applied to images that were turned so:
            (N, C, h, w) -> (N, C, scale * h, scale * w).
    """

    def average(lr: Tensor) -> Tensor:
        results = [
            undo(forward(orient(lr, symmetry).contiguous()), symmetry).float()
            for symmetry, forward in enumerate(forwards)
        ]
        return torch.stack(results).mean(dim=0)

    return average
