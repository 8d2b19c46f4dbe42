"""D-DBPN, Deep Back-Projection Networks for Super-Resolution (Haris et al. 2018, arXiv:1803.02735)."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from srlab.errors import SrlabError
from srlab.networks.layers import he_conv
from srlab.networks.network import SRNetwork, State, Traits, count

SCALES = (2, 4, 8)
OVERLAP = 4  # how much larger the kernel of a projection is than its step: 6 at x2, 8 at x4, 12 at x8 (section 3.3)


class DBPNNetwork(SRNetwork):
    """Section 3.3: up- and down-projections in turn, each with the outputs of all those of the other kind as its input.

    The image is made of the HR features of all stages; it is not added to an enlarged one. Convolutions start as He et
    al. (2015) propose, with biases of 0, and every PReLU has one slope.

    Args:
        scale: 2, 4 or 8.
        channels: 3 (RGB) in the paper, or 1 (luma).
        features: of every projection; 64 in the paper.
        shallow_features: of the first convolution; 256 in the paper.
        stages: T, number of up-projections: 7 in the paper.

    Raises:
        SrlabError: for another scale, or no stage.
    """

    tiny: ClassVar[Mapping[str, Any]] = {"features": 6, "shallow_features": 8, "stages": 3}

    def __init__(
        self, scale: int, channels: int = 3, features: int = 64, shallow_features: int = 256, stages: int = 7
    ) -> None:
        super().__init__()
        if scale not in SCALES:
            raise SrlabError(f"scale={scale}: D-DBPN has 2, 4 and 8, one at a time.")
        if stages < 1:
            raise SrlabError(f"model.network.stages={stages}: expected 1 or more.")
        self.head = nn.Sequential(
            activated_conv(channels, shallow_features), activated_conv(shallow_features, features, kernel=1)
        )
        # The first input is the shallow features alone, which no later projection sees again.
        self.ups = nn.ModuleList(Projection(features, scale, max(1, i), upwards=True) for i in range(stages))
        self.downs = nn.ModuleList(Projection(features, scale, i + 1, upwards=False) for i in range(stages - 1))
        self.tail = he_conv(stages * features, channels)
        # A projection has three layers that change the size, so from the last of them back to the first there are
        # 3 * stages - 2 pairs of one that reduces and one that enlarges.
        self.traits = Traits((scale,), channels, receptive_field=reach_of_pairs(3 * stages - 2, scale))

    def forward(self, lr: Tensor, scale: int, condition: Tensor | None = None) -> Tensor:
        high: list[Tensor] = [self.ups[0](self.head(lr))]  # the newest first, as in the authors' program
        low: list[Tensor] = []
        for up, down in zip(self.ups[1:], self.downs, strict=True):
            low = [down(torch.cat(high, dim=1)), *low]
            high = [up(torch.cat(low, dim=1)), *high]
        return self.tail(torch.cat(high, dim=1))

    @staticmethod
    def infer_arguments(state: State) -> dict[str, Any]:
        shallow_features, channels = state["head.0.0.weight"].shape[:2]
        return {
            "scale": state["ups.0.first.0.weight"].shape[-1] - OVERLAP,
            "channels": channels,
            "features": len(state["head.1.0.weight"]),
            "shallow_features": shallow_features,
            "stages": count(state, r"ups\.(\d+)\."),
        }


class Projection(nn.Module):
    """Section 3.1: changes the size, goes back, and corrects the result by what was lost on the way.

    Args:
        features: of the output, and of each of the inputs.
        scale: between the two sizes.
        inputs: how many features come together; of several, a 1x1 convolution makes one (section 3.2).
        upwards: from LR to HR, or down from HR to LR.
    """

    def __init__(self, features: int, scale: int, inputs: int, upwards: bool) -> None:
        super().__init__()
        there, back = (enlarging, reducing) if upwards else (reducing, enlarging)
        self.merge = activated_conv(inputs * features, features, kernel=1) if inputs > 1 else nn.Identity()
        self.first = there(features, scale)
        self.back = back(features, scale)
        self.correction = there(features, scale)

    def forward(self, x: Tensor) -> Tensor:
        merged = self.merge(x)
        first = self.first(merged)
        return first + self.correction(self.back(first) - merged)


def activated_conv(inputs: int, outputs: int, kernel: int = 3, slope: float = 0.25) -> nn.Sequential:
    """A convolution that keeps the size, and a PReLU with one slope, which starts at `slope`."""
    return nn.Sequential(he_conv(inputs, outputs, kernel), nn.PReLU(init=slope))


def enlarging(features: int, scale: int, slope: float = 0.25) -> nn.Sequential:
    """(N, features, h, w) -> (N, features, scale*h, scale*w): a transposed convolution and a PReLU with one slope."""
    return _started(nn.ConvTranspose2d(features, features, scale + OVERLAP, scale, padding=OVERLAP // 2), slope)


def reducing(features: int, scale: int, slope: float = 0.25) -> nn.Sequential:
    """(N, features, scale*h, scale*w) -> (N, features, h, w): a strided convolution and a PReLU with one slope."""
    return _started(nn.Conv2d(features, features, scale + OVERLAP, scale, padding=OVERLAP // 2), slope)


def _started(layer: nn.Conv2d | nn.ConvTranspose2d, slope: float) -> nn.Sequential:
    """Initialises a layer as `he_conv` does, which takes no account of a step, and adds its activation."""
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return nn.Sequential(layer, nn.PReLU(init=slope))


def reach_of_pairs(pairs: int, scale: int) -> int:
    """How far a result sees, in LR pixels, through layers of `enlarging` and `reducing` in turn.

    Args:
        pairs: how often one that reduces stands before one that enlarges. Beside them there are one more that enlarges,
            before the last convolution of 3x3, and a first convolution of 3x3 on the LR image.
        scale: of the layers.

    Returns:
        An LR pixel's share of the HR image and OVERLAP / 2 pixels around it meet those of the pixels next to it, and of
        the next but one where the scale is below OVERLAP: up to x3, a pair sees two LR pixels far, and else one.
    """
    last = 1 + OVERLAP // 2 // scale  # from the HR pixel beside the border of an LR pixel's share
    return last + pairs * (1 + (OVERLAP - 1) // scale) + 1
