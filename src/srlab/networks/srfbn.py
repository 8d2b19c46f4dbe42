"""SRFBN, Feedback Network for Image Super-Resolution (Li et al. 2019, arXiv:1903.09814)."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srlab.errors import SrlabError
from srlab.networks.dbpn import OVERLAP, activated_conv, enlarging, reach_of_pairs, reducing
from srlab.networks.layers import MeanShift, he_conv
from srlab.networks.network import ShiftedConvolutions, SRNetwork, State, Traits, count

SCALES = (2, 3, 4, 8)
SLOPE = 0.2  # of every PReLU at the start, in the authors' program


class SRFBNNetwork(SRNetwork):
    """Section 3.2: the same block in every step, with its own output of the step before as feedback.

    Every step makes an image of the block's output, which is added to the bilinear one; that of the last step is the
    result. Convolutions start as He et al. (2015) propose, with biases of 0, and every PReLU has one slope.

    Args:
        scale: 2, 3, 4 or 8.
        channels: 3 (RGB) in the paper, or 1 (luma).
        features: m, of the block: 64, or 32 in SRFBN-S. The first convolution has four times as many.
        groups: G, projection groups of the block: 6, or 3 in SRFBN-S.
        steps: T, how often the block is applied: 4 in the paper.

    Raises:
        SrlabError: for another scale, or no group or step.
    """

    tiny: ClassVar[Mapping[str, Any]] = {"features": 6, "groups": 2, "steps": 2}
    unseen: ClassVar[tuple[str, ...]] = ("steps",)

    def __init__(self, scale: int, channels: int = 3, features: int = 64, groups: int = 6, steps: int = 4) -> None:
        super().__init__()
        if scale not in SCALES:
            raise SrlabError(f"scale={scale}: SRFBN has 2, 3, 4 and 8, one at a time.")
        for name, number in (("groups", groups), ("steps", steps)):
            if number < 1:
                raise SrlabError(f"model.network.{name}={number}: expected 1 or more.")
        self.steps = steps
        self.mean = MeanShift(channels=channels)
        self.head = nn.Sequential(activated_conv(channels, 4 * features, slope=SLOPE), _merging(4 * features, features))
        self.block = FeedbackBlock(features, groups, scale)
        self.upsample = enlarging(features, scale, SLOPE)
        self.tail = he_conv(features, channels)
        self.traits = Traits((scale,), channels, receptive_field=reach_of_pairs(steps * groups, scale))

    def forward(self, lr: Tensor, scale: int, condition: Tensor | None = None) -> Tensor:
        centred = self.mean.subtract(lr)
        return self._image(centred, self._states(centred)[-1], scale)

    def outputs(self, lr: Tensor, scale: int, condition: Tensor | None = None) -> list[Tensor]:
        """The images of steps 1 to T."""
        centred = self.mean.subtract(lr)
        return [self._image(centred, state, scale) for state in self._states(centred)]

    def _states(self, centred: Tensor) -> list[Tensor]:
        """The block's output in every step, (N, features, h, w)."""
        shallow = self.head(centred)
        states = [shallow]  # the first step has no feedback: it sees its input twice
        for _ in range(self.steps):
            states.append(self.block(shallow, states[-1]))
        return states[1:]

    def _image(self, centred: Tensor, state: Tensor, scale: int) -> Tensor:
        enlarged = F.interpolate(centred, scale_factor=scale, mode="bilinear", align_corners=False)
        return self.mean.add(enlarged + self.tail(self.upsample(state)))

    def shifted_convolutions(self) -> ShiftedConvolutions:
        return ShiftedConvolutions("mean", ("head.0.0",), ("tail",), skip=True)

    @staticmethod
    def infer_arguments(state: State) -> dict[str, Any]:
        return {
            "scale": state["upsample.0.weight"].shape[-1] - OVERLAP,
            "channels": state["head.0.0.weight"].shape[1],
            "features": len(state["head.1.0.weight"]),
            "groups": count(state, r"block\.ups\.(\d+)\."),
        }


class FeedbackBlock(nn.Module):
    """Section 3.3: projections up and down in turn; each has all outputs of the other kind as its input.

    Args:
        features: of the input, the feedback and the output.
        groups: pairs of a projection up and one down.
        scale: between the two sizes.
    """

    def __init__(self, features: int, groups: int, scale: int) -> None:
        super().__init__()
        self.merge = _merging(2 * features, features)
        self.ups = nn.ModuleList(enlarging(features, scale, SLOPE) for _ in range(groups))
        self.downs = nn.ModuleList(reducing(features, scale, SLOPE) for _ in range(groups))
        # The first projection of each kind has one input, and needs none of these.
        self.up_merges = nn.ModuleList(_merging((i + 1) * features, features) for i in range(1, groups))
        self.down_merges = nn.ModuleList(_merging((i + 1) * features, features) for i in range(1, groups))
        self.out = _merging(groups * features, features)

    def forward(self, x: Tensor, feedback: Tensor) -> Tensor:
        low: list[Tensor] = [self.merge(torch.cat([x, feedback], dim=1))]
        high: list[Tensor] = []
        for i, (up, down) in enumerate(zip(self.ups, self.downs, strict=True)):
            high.append(up(low[0] if i == 0 else self.up_merges[i - 1](torch.cat(low, dim=1))))
            low.append(down(high[0] if i == 0 else self.down_merges[i - 1](torch.cat(high, dim=1))))
        return self.out(torch.cat(low[1:], dim=1))


def _merging(inputs: int, outputs: int) -> nn.Sequential:
    return activated_conv(inputs, outputs, kernel=1, slope=SLOPE)
