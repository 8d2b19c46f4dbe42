"""WDSR, Wide Activation for Efficient and Accurate Image Super-Resolution (Yu et al. 2018, arXiv:1808.08718)."""

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from srlab.errors import SrlabError
from srlab.networks.layers import MeanShift, conv
from srlab.networks.network import ShiftedConvolutions, SRNetwork, State, Traits, count

BlockKind = Literal["a", "b"]


def normed(inputs: int, outputs: int, kernel: int = 3) -> nn.Module:
    """A weight-normalised convolution (section 3.3; Salimans and Kingma 2016)."""
    return weight_norm(conv(inputs, outputs, kernel))


class WideBlock(nn.Module):
    """Section 3.1 (a: wide activation) and 3.2 (b: wider still, with a linear low-rank convolution)."""

    def __init__(self, features: int, kind: BlockKind, expansion: int, low_rank: float, residual_scale: float) -> None:
        super().__init__()
        if kind not in ("a", "b"):
            raise SrlabError(f"model.network.block={kind}: expected a or b.")
        wide, narrow = expansion * features, int(low_rank * features)
        if narrow < 1:
            raise SrlabError(f"model.network.low_rank={low_rank}: leaves none of {features} features.")
        relu = nn.ReLU(inplace=True)
        if kind == "a":
            layers = [normed(features, wide), relu, normed(wide, features)]
        else:
            layers = [normed(features, wide, 1), relu, normed(wide, narrow, 1), normed(narrow, features)]
        self.body = nn.Sequential(*layers)
        self.residual_scale = residual_scale

    def forward(self, x: Tensor) -> Tensor:
        return torch.add(x, self.body(x), alpha=self.residual_scale)


class WDSRNetwork(SRNetwork):
    """Figure 2, right: no convolution after the pixel shuffle, and a 5x5 convolution from input to output.

    The mean is subtracted and the range doubled inside, as in the authors' code.

    Args:
        scale: any integer of at least 1.
        channels: 3 (RGB) in the paper, or 1 (luma).
        features: on the skip path: 32 in WDSR-A; 64 in WDSR-B, which gives the published number of parameters.
        blocks: residual blocks.
        block: a (section 3.1) or b (section 3.2).
        expansion: features before the activation, as a multiple of `features`.
        low_rank: features after block b's second convolution, as a share of `features`.
        residual_scale: factor of every block's residual.

    Raises:
        SrlabError: another kind of block, or a low_rank that leaves no features.
    """

    tiny: ClassVar[Mapping[str, Any]] = {"features": 8, "blocks": 2}
    unseen: ClassVar[tuple[str, ...]] = ("residual_scale", "low_rank")  # few features leave the share of low_rank open

    def __init__(
        self,
        scale: int,
        channels: int = 3,
        features: int = 32,
        blocks: int = 16,
        block: BlockKind = "a",
        expansion: int = 4,
        low_rank: float = 0.8,
        residual_scale: float = 1.0,
    ) -> None:
        super().__init__()
        self.mean = MeanShift(channels=channels, value_range=2.0)
        self.head = normed(channels, features)
        self.body = nn.Sequential(
            *(WideBlock(features, block, expansion, low_rank, residual_scale) for _ in range(blocks))
        )
        self.tail = normed(features, channels * scale * scale)
        self.skip = normed(channels, channels * scale * scale, 5)
        self.shuffle = nn.PixelShuffle(scale)
        # One pixel for the head, the tail, and each 3x3 convolution of a block: two in a, one in b.
        self.traits = Traits(
            scales=(scale,), channels=channels, receptive_field=max(2, 2 + blocks * (2 if block == "a" else 1))
        )

    def forward(self, lr: Tensor, scale: int, condition: Tensor | None = None) -> Tensor:
        x = self.mean.subtract(lr)
        return self.mean.add(self.shuffle(self.tail(self.body(self.head(x))) + self.skip(x)))

    def shifted_convolutions(self) -> ShiftedConvolutions:
        return ShiftedConvolutions("mean", ("head", "skip"), ("tail", "skip"))

    @staticmethod
    def infer_arguments(state: State) -> dict[str, Any]:
        direction = "parametrizations.weight.original1"
        features, channels = state[f"head.{direction}"].shape[:2]
        kind = "b" if f"body.0.body.3.{direction}" in state else "a"
        narrow = state[f"body.0.body.2.{direction}"].shape[0]
        return {
            "scale": math.isqrt(state[f"tail.{direction}"].shape[0] // channels),
            "channels": channels,
            "features": features,
            "blocks": count(state, r"body\.(\d+)\.body\."),
            "block": kind,
            "expansion": state[f"body.0.body.0.{direction}"].shape[0] // features,
            "low_rank": _shortest_share(narrow, features),
        }


def _shortest_share(part: int, whole: int) -> float:
    """The number of fewest digits whose product with `whole` is cut to `part`, as the constructor cuts it."""
    shares = (round(part / whole, digits) for digits in range(1, 9))
    return next(share for share in shares if int(share * whole) == part)
