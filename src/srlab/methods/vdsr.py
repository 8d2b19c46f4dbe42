"""VDSR, Accurate Image Super-Resolution Using Very Deep Convolutional Networks (Kim et al. 2016, arXiv:1511.04587)."""

import math

from torch import Tensor, nn
from torch.nn import functional as F

from srlab.data.resize import imresize
from srlab.layers import conv
from srlab.methods.base import SuperResolver
from srlab.methods.network import SRNetwork, Traits


class VDSRNetwork(SRNetwork):
    """Figure 2: bicubic enlargement, then `depth` convolutions whose output is added to it. One network, every scale."""

    def __init__(self, channels: int = 1, features: int = 64, depth: int = 20) -> None:
        super().__init__()
        widths = [channels] + [features] * (depth - 1) + [channels]
        self.layers = nn.ModuleList(conv(a, b) for a, b in zip(widths[:-1], widths[1:], strict=True))
        for layer in self.layers:
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
        # depth pixels of the enlarged image are at most half as many of the small one; the bicubic kernel adds 3.
        self.traits = Traits(scales=None, channels=channels, receptive_field=math.ceil(depth / 2) + 3)

    def forward(self, lr: Tensor, scale: int, condition: Tensor | None = None) -> Tensor:
        enlarged = imresize(lr, scale)
        x = enlarged
        for layer in self.layers[:-1]:
            x = F.relu(layer(x))
        return enlarged + self.layers[-1](x)


class VDSR(SuperResolver):
    """L2 on luma (section 3.2)."""

    key = "vdsr"
    Network = VDSRNetwork
