"""Terms that look at the result alone."""

from kornia.losses import total_variation
from torch import Tensor

from srlab.losses.term import LossTerm


class TotalVariation(LossTerm):
    """Absolute differences between neighbours, summed over an image and averaged over the batch (kornia)."""

    def forward(self, sr: Tensor, target: Tensor, lr: Tensor) -> Tensor:
        return total_variation(sr, reduction="sum").sum() / sr.shape[0]
