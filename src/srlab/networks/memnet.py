"""MemNet, A Persistent Memory Network for Image Restoration (Tai et al. 2017, arXiv:1708.02209)."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srlab.imaging.resize import imresize
from srlab.networks.layers import BatchNorm, SharedResidual, convolution_biases, he_conv, pre_activated
from srlab.networks.network import SRNetwork, State, Traits, count


class MemNetNetwork(SRNetwork):
    """Section 3: memory blocks on the enlarged luma, whose gates see what all blocks before them remembered.

    From the memory of every block the same convolution makes a residual image, after a BatchNorm of the block's own;
    with the enlarged image added it is the block's image. The result is the sum of these images, weighted by learned
    weights, which nothing normalises. The convolutions' biases learn at a tenth of the rate, as in the authors'
    program.

    Args:
        channels: 1 (luma) in the paper.
        features: of every convolution but the last; 64 in the paper.
        blocks: M, memory blocks; 6 in the published network.
        recursions: R, residual units of a block, which share their convolutions; 6 in the published network.
    """

    tiny: ClassVar[Mapping[str, Any]] = {"features": 8, "blocks": 2, "recursions": 2}

    def __init__(self, channels: int = 1, features: int = 64, blocks: int = 6, recursions: int = 6) -> None:
        super().__init__()
        self.first = pre_activated(channels, features)
        self.blocks = nn.ModuleList(MemoryBlock(features, recursions, 1 + index) for index in range(blocks))
        self.norms = nn.ModuleList(BatchNorm(features) for _ in range(blocks))
        self.reconstruction = he_conv(features, channels)
        # The sum begins as the mean of the images. With the 1 that the authors' program starts from, it would begin at
        # M times the image; the weights that they arrived at sum to 1.
        self.ensemble = nn.Parameter(torch.full((blocks,), 1 / blocks))
        # One pixel of the enlarged image for each 3 x 3 convolution on the longest path; bicubic adds 3, as for VDSR.
        reach = 2 * recursions * blocks + 2 + 3
        self.traits = Traits(None, channels, receptive_field=reach, slow_layers=convolution_biases(self))

    def forward(self, lr: Tensor, scale: int, condition: Tensor | None = None) -> Tensor:
        return self.outputs(lr, scale, condition)[-1]

    def outputs(self, lr: Tensor, scale: int, condition: Tensor | None = None) -> list[Tensor]:
        """The images of blocks 1 to M, and their weighted sum (section 3.3)."""
        enlarged = imresize(lr, scale)
        memories, images = [self.first(enlarged)], []
        for block, norm in zip(self.blocks, self.norms, strict=True):
            memories.append(block(memories))
            images.append(enlarged + self.reconstruction(F.relu(norm(memories[-1]), inplace=True)))
        return [*images, (self.ensemble.reshape(-1, 1, 1, 1, 1) * torch.stack(images)).sum(0)]

    @staticmethod
    def infer_arguments(state: State) -> dict[str, Any]:
        features, channels = state["first.2.weight"].shape[:2]
        return {
            "channels": channels,
            "features": features,
            "blocks": len(state["ensemble"]),
            "recursions": count(state, r"blocks\.0\.unit\.norms\.(\d+)\."),
        }


class MemoryBlock(nn.Module):
    """Section 3.2: a recursive unit gives R states, and a gate of 1 x 1 decides what of all there is to keep.

    Args:
        features: of every convolution.
        recursions: R, how often the residual unit is applied.
        memories: how many the gate sees beside the states: the first convolution's output and those of earlier gates.
    """

    def __init__(self, features: int, recursions: int, memories: int) -> None:
        super().__init__()
        self.unit = SharedResidual(features, recursions)
        self.gate = pre_activated((memories + recursions) * features, features, kernel=1)

    def forward(self, memories: Sequence[Tensor]) -> Tensor:
        """Takes the memories, the oldest first, and returns the next one: (N, features, h, w) each."""
        state, states = memories[-1], []
        for index in range(self.unit.times):
            state = state + self.unit(state, index)
            states.append(state)
        return self.gate(torch.cat([*memories, *states], dim=1))
