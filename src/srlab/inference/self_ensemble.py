"""The geometric self-ensemble, written "+" in tables (EDSR, section 3.4)."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from srlab.imaging.symmetries import SYMMETRIES, orient, undo

# LR pixels of a batch up to which four orientations are one batch. Small images are faster so; large ones are not, and
# four of them take four times the memory.
TOGETHER = 4 * 48 * 48


def ensembled(forward: Callable[[Tensor, Sequence[int]], Tensor]) -> Callable[[Tensor], Tensor]:
    """Returns a function that averages over the 8 orientations of its input, before any rounding.

    Args:
        forward: is applied to orientations of one shape, one after the other in a batch, and is told which they are:
            (k * N, C, h, w), k symmetries -> (k * N, C, scale * h, scale * w).
    """

    def average(lr: Tensor) -> Tensor:
        small = len(lr) * lr.shape[-2] * lr.shape[-1] * SYMMETRIES // 2 <= TOGETHER
        size = SYMMETRIES // 2 if small else 1  # the first four keep the shape, the others transpose it
        total: Tensor | None = None
        for first in range(0, SYMMETRIES, size):
            symmetries = range(first, first + size)
            turned = torch.cat([orient(lr, symmetry) for symmetry in symmetries])
            for made, symmetry in zip(forward(turned, symmetries).split(len(lr)), symmetries, strict=True):
                back = undo(made, symmetry).float()
                total = back.clone() if total is None else total.add_(back)
        assert total is not None
        return total.div_(SYMMETRIES)

    return average
