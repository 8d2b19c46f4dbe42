"""DRCN, Deeply-Recursive Convolutional Network for Image Super-Resolution (Kim et al. 2016, arXiv:1511.04491)."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srlab.imaging.resize import imresize
from srlab.networks.layers import conv, he_conv
from srlab.networks.network import SRNetwork, State, Traits


class DRCNNetwork(SRNetwork):
    """Section 3: one convolution applied again and again; what every recursion sees becomes an image.

    The enlarged luma passes two convolutions (embedding), then `recursions` times the same convolution with ReLU
    (inference). Two further convolutions (reconstruction), the same for all recursions, make an image from each state,
    to which the enlarged image is added. The result is the mean of these images, weighted by learned weights.

    Args:
        channels: 1 (luma) in the paper.
        features: of all states; 256 in the paper.
        recursions: D, how often the recursive convolution is applied; 16 in the paper.
    """

    tiny: ClassVar[Mapping[str, Any]] = {"features": 8, "recursions": 3}

    def __init__(self, channels: int = 1, features: int = 256, recursions: int = 16) -> None:
        super().__init__()
        self.embedding = nn.Sequential(
            he_conv(channels, features), nn.ReLU(inplace=True), he_conv(features, features), nn.ReLU(inplace=True)
        )
        self.recursion = _identity(conv(features, features))
        self.reconstruction = nn.Sequential(
            he_conv(features, features), nn.ReLU(inplace=True), he_conv(features, channels)
        )
        self.ensemble = nn.Parameter(torch.full((recursions,), 1 / recursions))  # w_d; at first, the plain mean
        # One pixel of the enlarged image for each convolution of the longest path; bicubic adds 3, as for VDSR.
        self.traits = Traits(None, channels, receptive_field=recursions + 4 + 3)

    def forward(self, lr: Tensor, scale: int, condition: Tensor | None = None) -> Tensor:
        return self.outputs(lr, scale, condition)[-1]

    def outputs(self, lr: Tensor, scale: int, condition: Tensor | None = None) -> list[Tensor]:
        """The images of recursions 1 to D, and their weighted mean."""
        enlarged = imresize(lr, scale)
        state = self.embedding(enlarged)
        images = []
        for _ in self.ensemble:
            state = F.relu(self.recursion(state))
            images.append(enlarged + self.reconstruction(state))
        weights = self.ensemble / self.ensemble.sum()
        return [*images, (weights.reshape(-1, 1, 1, 1, 1) * torch.stack(images)).sum(0)]

    @staticmethod
    def infer_arguments(state: State) -> dict[str, Any]:
        features, channels = state["embedding.0.weight"].shape[:2]
        return {"channels": channels, "features": features, "recursions": len(state["ensemble"])}


def _identity(layer: nn.Conv2d) -> nn.Conv2d:
    """Zero but for every channel's connection with itself: at first, no recursion changes its input (section 4)."""
    nn.init.dirac_(layer.weight)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer
