"""Losses between pixels, averaged over all of them."""

import torch
from torch import Tensor
from torch.nn import functional as F

from srlab.losses.term import LossTerm


class L1(LossTerm):
    """Mean absolute error (EDSR, section 2.3)."""

    def forward(self, sr: Tensor, target: Tensor) -> Tensor:
        return F.l1_loss(sr, target)


class L2(LossTerm):
    """Mean squared error."""

    def forward(self, sr: Tensor, target: Tensor) -> Tensor:
        return F.mse_loss(sr, target)


class Charbonnier(LossTerm):
    """sqrt(d^2 + epsilon^2), averaged (LapSRN, equation 4, arXiv:1704.03915, which sums it)."""

    def __init__(self, epsilon: float = 1e-3) -> None:
        super().__init__()
        self.epsilon = epsilon

    def forward(self, sr: Tensor, target: Tensor) -> Tensor:
        return torch.sqrt((sr - target) ** 2 + self.epsilon**2).mean()
