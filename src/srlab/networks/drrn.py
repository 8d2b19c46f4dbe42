"""DRRN, Image Super-Resolution via Deep Recursive Residual Network (Tai et al. 2017, CVPR)."""

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor, nn

from srlab.imaging.resize import imresize
from srlab.networks.layers import SharedResidual, convolution_biases, pre_activated
from srlab.networks.network import SRNetwork, State, Traits, count


class DRRNNetwork(SRNetwork):
    """Section 3: recursive blocks on the enlarged luma, one convolution to the residual image, and the image added.

    Every convolution follows a BatchNorm and a ReLU; so does the first, whose input is the image itself. Their biases
    learn at a tenth of the rate, as in the authors' program.

    Args:
        channels: 1 (luma) in the paper.
        features: of the convolutions between the first and the last; 128 in the paper.
        blocks: B, recursive blocks, each with weights of its own; 1 in the published network.
        units: U, residual units of a block, which share their convolutions; 25 in the published network.
    """

    tiny: ClassVar[Mapping[str, Any]] = {"features": 8, "units": 2}

    def __init__(self, channels: int = 1, features: int = 128, blocks: int = 1, units: int = 25) -> None:
        super().__init__()
        inputs = [channels] + [features] * (blocks - 1)
        self.blocks = nn.Sequential(*(RecursiveBlock(width, features, units) for width in inputs))
        self.reconstruction = pre_activated(features, channels)
        # One pixel of the enlarged image for each of (1 + 2 U) B + 1 convolutions; bicubic adds 3, as for VDSR.
        reach = (1 + 2 * units) * blocks + 1 + 3
        self.traits = Traits(None, channels, receptive_field=reach, slow_layers=convolution_biases(self))

    def forward(self, lr: Tensor, scale: int, condition: Tensor | None = None) -> Tensor:
        enlarged = imresize(lr, scale)
        return enlarged + self.reconstruction(self.blocks(enlarged))

    @staticmethod
    def infer_arguments(state: State) -> dict[str, Any]:
        features, channels = state["blocks.0.first.2.weight"].shape[:2]
        return {
            "channels": channels,
            "features": features,
            "blocks": count(state, r"blocks\.(\d+)\."),
            "units": count(state, r"blocks\.0\.unit\.norms\.(\d+)\."),
        }


class RecursiveBlock(nn.Module):
    """Section 3.2: a convolution, and `units` residual units, each of which adds the convolution's output to its own.

    Args:
        inputs: channels of the block's input.
        features: of all its convolutions.
        units: how often the residual unit is applied.
    """

    def __init__(self, inputs: int, features: int, units: int) -> None:
        super().__init__()
        self.first = pre_activated(inputs, features)
        self.unit = SharedResidual(features, units)

    def forward(self, x: Tensor) -> Tensor:
        first = state = self.first(x)
        for index in range(self.unit.times):
            state = first + self.unit(state, index)  # every identity branch starts at the same place
        return state
