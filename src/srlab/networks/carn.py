"""CARN and CARN-M, the cascading residual network (Ahn et al. 2018, arXiv:1803.08664)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srlab.errors import SrlabError
from srlab.networks.layers import UPSAMPLER_STEPS, MeanShift, conv
from srlab.networks.network import ShiftedConvolutions, SRNetwork, State, Traits, count

Block = Literal["residual", "efficient"]


class CARNNetwork(SRNetwork):
    """Section 3.1: cascading blocks, themselves connected in a cascade, and an upsampler for each scale.

    One network is trained for several scales (section 4.2); a network for one scale has a list of one. Convolutions
    start as PyTorch initialises them, as in the authors' program.

    Args:
        scales: those that the network has: some of 2, 3, 4 and 8.
        channels: 3 (RGB) in the paper, or 1 (luma).
        features: of every convolution.
        cascades: number of cascading blocks.
        blocks: different residual blocks of a cascading block: 3, or 1 in CARN-M.
        recursions: how often a cascading block applies them, one after the other: once, or 3 times in CARN-M.
        block: residual, or efficient as in CARN-M; see `ResidualBlock`.
        groups: of the 3x3 convolutions in the residual blocks and in the upsamplers: 1, or 4 in CARN-M.

    Raises:
        SrlabError: no scale, one that is there twice or that the network cannot have; features that groups do not
            divide.
    """

    tiny: ClassVar[Mapping[str, Any]] = {"features": 8, "cascades": 2}

    def __init__(
        self,
        scales: Sequence[int] = (2, 3, 4),
        channels: int = 3,
        features: int = 64,
        cascades: int = 3,
        blocks: int = 3,
        recursions: int = 1,
        block: Block = "residual",
        groups: int = 1,
    ) -> None:
        super().__init__()
        if not scales or len(set(scales)) < len(scales) or not set(scales) <= UPSAMPLER_STEPS.keys():
            raise SrlabError(f"model.network.scales={list(scales)}: expected different ones of 2, 3, 4 and 8.")
        if features % groups:
            raise SrlabError(f"model.network.groups={groups}: expected a divisor of features={features}.")
        self.mean = MeanShift(channels=channels, value_range=1.0)
        self.entry = conv(channels, features)
        self.body = Cascade(
            features,
            (
                Cascade(features, (ResidualBlock(features, block, groups) for _ in range(blocks)), recursions)
                for _ in range(cascades)
            ),
        )
        self.upsample = nn.ModuleDict({f"x{scale}": _upsampler(features, scale, groups) for scale in sorted(scales)})
        self.exit = conv(features, channels)
        # A pixel for the entry, two for each residual block, one for the upsampler, and one for what its later steps
        # and the exit see of enlarged pixels.
        reach = 3 + 2 * cascades * blocks * recursions
        self.traits = Traits(tuple(sorted(scales)), channels, receptive_field=reach)

    def forward(self, lr: Tensor, scale: int, condition: Tensor | None = None) -> Tensor:
        # Unlike EDSR, no skip leads around the body: its cascade contains the shallow features.
        features = self.body(self.entry(self.mean.subtract(lr)))
        return self.mean.add(self.exit(self.upsample[f"x{scale}"](features)))

    def shifted_convolutions(self) -> ShiftedConvolutions:
        return ShiftedConvolutions("mean", ("entry",), ("exit",))

    @staticmethod
    def infer_arguments(state: State) -> dict[str, Any]:
        features, channels = state["entry.weight"].shape[:2]
        first = "body.blocks.0.blocks"
        blocks = count(state, r"body\.blocks\.0\.blocks\.(\d+)\.")
        return {
            "scales": sorted({int(key.split(".")[1][1:]) for key in state if key.startswith("upsample.")}),
            "channels": channels,
            "features": features,
            "cascades": count(state, r"body\.blocks\.(\d+)\."),
            "blocks": blocks,
            "recursions": count(state, r"body\.blocks\.0\.merge\.(\d+)\.") // max(1, blocks),
            "block": "efficient" if f"{first}.0.body.4.weight" in state else "residual",
            "groups": features // state[f"{first}.0.body.0.weight"].shape[1],
        }


class Cascade(nn.Module):
    """Section 3.1: every block's output joins all that came before it, and a 1x1 convolution makes one input of them.

    Args:
        features: of the input, of every block and of the output.
        blocks: modules of equal input and output.
        recursions: how often the blocks are applied, one after the other; each time has 1x1 convolutions of its own.
    """

    def __init__(self, features: int, blocks: Iterable[nn.Module], recursions: int = 1) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        length = recursions * len(self.blocks)
        self.merge = nn.ModuleList(conv(features * (i + 2), features, kernel=1) for i in range(length))

    def forward(self, x: Tensor) -> Tensor:
        together = x
        for i, merge in enumerate(self.merge):
            together = torch.cat([together, self.blocks[i % len(self.blocks)](x)], dim=1)
            x = F.relu(merge(together))
        return x


class ResidualBlock(nn.Module):
    """relu(x + body(x)): unlike EDSR's block, with an activation after the sum.

    Args:
        features: of every convolution.
        block: residual: two 3x3 convolutions. efficient (residual-E, section 3.2): an activation and a 1x1 convolution
            after them, which mixes what groups keep apart.
        groups: of the 3x3 convolutions.
    """

    def __init__(self, features: int, block: Block = "residual", groups: int = 1) -> None:
        super().__init__()
        layers = [_grouped(features, features, groups), nn.ReLU(inplace=True), _grouped(features, features, groups)]
        if block == "efficient":
            layers += [nn.ReLU(inplace=True), conv(features, features, kernel=1)]
        self.body = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.body(x))


def _upsampler(features: int, scale: int, groups: int) -> nn.Sequential:
    """Sub-pixel steps of 2 or 3; the activation, which EDSR's upsampler lacks, is that of the authors' program."""
    layers: list[nn.Module] = []
    for step in UPSAMPLER_STEPS[scale]:
        layers += [_grouped(features, features * step**2, groups), nn.ReLU(inplace=True), nn.PixelShuffle(step)]
    return nn.Sequential(*layers)


def _grouped(inputs: int, outputs: int, groups: int) -> nn.Module:
    return nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, groups=groups)
