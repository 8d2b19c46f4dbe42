"""RCAN, the residual channel attention network (Zhang et al. 2018, arXiv:1807.02758)."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from srlab.errors import SrlabError
from srlab.networks.layers import MeanShift, Upsampler, conv, infer_upsampler
from srlab.networks.network import ShiftedConvolutions, SRNetwork, State, Traits, count

VALUE_RANGE = 255.0  # what 1 becomes inside the network


class RCANNetwork(SRNetwork):
    """Figure 2: residual groups of residual blocks with channel attention, at LR size, and an upsampler at the end.

    Convolutions start as PyTorch initialises them, as in the authors' program.

    Args:
        scale: 2, 3, 4 or 8.
        channels: 3 (RGB) in the paper, or 1 (luma).
        features: of every convolution.
        groups: residual groups.
        blocks: blocks of a group.
        reduction: by how much the channel attention narrows the features; it divides them.
        residual_scale: factor of every block's residual: 1 in the paper.

    Raises:
        SrlabError: a reduction that does not divide the features.
    """

    tiny: ClassVar[Mapping[str, Any]] = {"features": 16, "groups": 2, "blocks": 2, "reduction": 2}
    unseen: ClassVar[tuple[str, ...]] = ("residual_scale",)

    def __init__(
        self,
        scale: int,
        channels: int = 3,
        features: int = 64,
        groups: int = 10,
        blocks: int = 20,
        reduction: int = 16,
        residual_scale: float = 1.0,
    ) -> None:
        super().__init__()
        if features % reduction:
            raise SrlabError(f"model.network.reduction={reduction}: expected a divisor of features={features}.")
        self.mean_shift = TrainedMeanShift(channels)
        self.head = conv(channels, features)
        self.body = nn.Sequential(
            *(ResidualGroup(features, blocks, reduction, residual_scale) for _ in range(groups)),
            conv(features, features),
        )
        self.tail = nn.Sequential(Upsampler(features, scale), conv(features, channels))
        self.traits = Traits((scale,), channels, receptive_field=None)  # the attention's mean is of the whole image

    def forward(self, lr: Tensor, scale: int, condition: Tensor | None = None) -> Tensor:
        shallow = self.head(self.mean_shift.subtract(lr))
        return self.mean_shift.add(self.tail(shallow + self.body(shallow)))

    def shifted_convolutions(self) -> ShiftedConvolutions:
        return ShiftedConvolutions("mean_shift", ("head",), ("tail.1",))

    @staticmethod
    def infer_arguments(state: State) -> dict[str, Any]:
        features, channels = state["head.weight"].shape[:2]
        scale, _ = infer_upsampler(state, "tail.0.", features)
        return {
            "scale": scale,
            "channels": channels,
            "features": features,
            "groups": count(state, r"body\.(\d+)\.body\."),
            "blocks": count(state, r"body\.0\.body\.(\d+)\.body\."),
            "reduction": features // max(1, len(state["body.0.body.0.attention.squeeze.weight"])),
        }


class ResidualGroup(nn.Module):
    """Section 3.2: blocks and a convolution, and the group's input added to what they give."""

    def __init__(self, features: int, blocks: int, reduction: int, residual_scale: float = 1.0) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *(ChannelAttentionBlock(features, reduction, residual_scale) for _ in range(blocks)),
            conv(features, features),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class ChannelAttentionBlock(nn.Module):
    """Section 3.4, figure 4: EDSR's residual block, whose residual passes the channel attention before the sum."""

    def __init__(self, features: int, reduction: int, residual_scale: float = 1.0) -> None:
        super().__init__()
        self.residual_scale = residual_scale
        self.body = nn.Sequential(conv(features, features), nn.ReLU(inplace=True), conv(features, features))
        self.attention = ChannelAttention(features, reduction)

    def forward(self, x: Tensor) -> Tensor:
        return torch.add(x, self.attention(self.body(x)), alpha=self.residual_scale)


class ChannelAttention(nn.Module):
    """Section 3.3, figure 3: every feature times a number in (0, 1), which follows from the means of all features.

    Args:
        features: of the input and the output.
        reduction: the means pass through features // reduction numbers.
    """

    def __init__(self, features: int, reduction: int) -> None:
        super().__init__()
        self.squeeze = conv(features, features // reduction, kernel=1)
        self.excite = conv(features // reduction, features, kernel=1)

    def forward(self, x: Tensor) -> Tensor:
        means = x.mean(dim=(2, 3), keepdim=True)
        return x * torch.sigmoid(self.excite(torch.relu(self.squeeze(means))))


class TrainedMeanShift(nn.Module):
    """`MeanShift` as two mappings of colours, which start as its constants and are trained with the rest.

    The authors' program means to keep them fixed, but trains them: released weights have values that have drifted, and
    belong to the network. The range is 0..255.
    """

    def __init__(self, channels: int = 3) -> None:
        super().__init__()
        mean = MeanShift(channels=channels, value_range=VALUE_RANGE).mean
        self.subtraction, self.addition = ColorMapping(-mean), ColorMapping(mean)

    def subtract(self, image: Tensor) -> Tensor:
        """[0, 1] -> 0..255, centred on 0."""
        mapped: Tensor = self.subtraction(image * VALUE_RANGE)
        return mapped

    def add(self, image: Tensor) -> Tensor:
        """0..255, centred on 0 -> [0, 1]."""
        mapped: Tensor = self.addition(image)
        return mapped / VALUE_RANGE


class ColorMapping(nn.Module):
    """weight @ colour + bias at every pixel, at the start with the identity as weight.

    It is a 1x1 convolution, and has its parameters, but is computed channel by channel: autocast would compute a
    convolution with 8 bits of precision, too few for a final image.

    Args:
        bias: (channels,), at the start.
    """

    def __init__(self, bias: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.eye(len(bias)).reshape(len(bias), len(bias), 1, 1))
        self.bias = nn.Parameter(bias.clone())

    def forward(self, image: Tensor) -> Tensor:
        mapped = self.bias.reshape(1, -1, 1, 1)
        for column, channel in zip(self.weight.unbind(1), image.chunk(image.shape[1], dim=1), strict=True):
            mapped = mapped + column * channel
        return mapped
