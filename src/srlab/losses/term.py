"""The seam of the losses."""

from torch import Tensor, nn


class LossTerm(nn.Module):
    """One term of a loss. Its constructor takes the keys that stand beside `weight` in conf/loss/base.yaml."""

    def forward(self, sr: Tensor, target: Tensor) -> Tensor:
        """(N, C, H, W) twice, in [0, 1] -> a scalar."""
        raise NotImplementedError
