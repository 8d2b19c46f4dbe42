"""VDSR, Accurate Image Super-Resolution Using Very Deep Convolutional Networks (Kim et al. 2016, arXiv:1511.04587)."""

import itertools
from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor, nn
from torch.nn import functional as F

from srlab.imaging.resize import imresize
from srlab.networks.layers import he_conv
from srlab.networks.network import SRNetwork, State, Traits, count


class VDSRNetwork(SRNetwork):
    """Figure 2: bicubic enlargement, and a chain of convolutions whose output is added. One network for all scales.

    Args:
        channels: 1 (luma) in the paper.
        features: of the convolutions between the first and the last.
        depth: number of convolutions; 20 in the paper.
    """

    tiny: ClassVar[Mapping[str, Any]] = {"features": 8, "depth": 4}

    def __init__(self, channels: int = 1, features: int = 64, depth: int = 20) -> None:
        super().__init__()
        widths = [channels] + [features] * (depth - 1) + [channels]  # initialised as section 3.2 asks
        self.layers = nn.ModuleList(he_conv(a, b) for a, b in itertools.pairwise(widths))
        # Every layer sees one pixel of the enlarged image, which is one of the small one at x1; bicubic adds 3.
        self.traits = Traits(scales=None, channels=channels, receptive_field=depth + 3)

    def forward(self, lr: Tensor, scale: int, condition: Tensor | None = None) -> Tensor:
        enlarged = imresize(lr, scale)
        x = enlarged
        for layer in self.layers[:-1]:
            x = F.relu(layer(x))
        return enlarged + self.layers[-1](x)

    @staticmethod
    def infer_arguments(state: State) -> dict[str, Any]:
        features, channels = state["layers.0.weight"].shape[:2]
        return {"channels": channels, "features": features, "depth": count(state, r"layers\.(\d+)\.")}
