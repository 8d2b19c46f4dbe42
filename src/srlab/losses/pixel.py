"""Pixel losses: L1, L2, Charbonnier."""

import torch
from torch import Tensor

from srlab.errors import SrlabError, nearest
from srlab.losses.term import LossTerm

REDUCTIONS = ("mean", "sum")


class PixelLoss(LossTerm):
    """A function of the difference between SR and HR, pixel by pixel.

    Args:
        reduction: mean, over all pixels; or sum, over the pixels of a sample, averaged over samples. Early papers
            used sums, as Caffe and MatConvNet do, and their learning rates are meant for sums.

    Raises:
        SrlabError: another reduction.
    """

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        if reduction not in REDUCTIONS:
            hint = nearest(str(reduction), REDUCTIONS)
            raise SrlabError(f"loss reduction={reduction}: expected {' or '.join(REDUCTIONS)}.{hint}")
        self.reduction = reduction

    def of_difference(self, difference: Tensor) -> Tensor:
        """Returns the loss of every pixel, from SR - HR of any shape."""
        raise NotImplementedError

    def forward(self, sr: Tensor, target: Tensor, lr: Tensor) -> Tensor:
        values = self.of_difference(sr - target)
        return values.mean() if self.reduction == "mean" else values.sum() / len(sr)


class L1(PixelLoss):
    """Absolute error (EDSR, section 2.3)."""

    def of_difference(self, difference: Tensor) -> Tensor:
        return difference.abs()


class L2(PixelLoss):
    """Squared error."""

    def of_difference(self, difference: Tensor) -> Tensor:
        return difference.square()


class Charbonnier(PixelLoss):
    """sqrt(d^2 + epsilon^2) (LapSRN, equation 4, arXiv:1704.03915, which sums it)."""

    def __init__(self, epsilon: float = 1e-3, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.epsilon = epsilon

    def of_difference(self, difference: Tensor) -> Tensor:
        return torch.sqrt(difference**2 + self.epsilon**2)
