"""Terms that depend on SR alone."""

from torch import Tensor

from srlab.losses.term import LossTerm


class TotalVariation(LossTerm):
    """Absolute differences between neighbouring pixels, summed over an image and averaged over the batch (kornia)."""

    def forward(self, sr: Tensor, target: Tensor, lr: Tensor) -> Tensor:
        from kornia.losses import total_variation  # noqa: PLC0415 - takes half a second, and most runs have no use for it

        return total_variation(sr, reduction="sum").sum() / sr.shape[0]
