"""Attention inside a residual block: factors in (0, 1) for its residual, before the sum."""

import math
from collections import OrderedDict
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from srlab.errors import SrlabError, nearest
from srlab.networks.layers import ConvolutionKind, Norm, ResidualBlock, conv
from srlab.networks.network import State
from srlab.networks.rcan import ChannelAttention
from srlab.networks.san import SecondOrderAttention

AttentionKind = Literal["none", "channel", "spatial", "pixel", "channel_spatial", "second_order"]
GLOBAL: tuple[AttentionKind, ...] = ("channel", "channel_spatial", "second_order")  # statistics of the whole image
REDUCTION = 16  # by how much channel and second_order narrow the features, as in RCAN and SAN
NARROWEST = 4  # numbers that they narrow 64 features to; with one or two, a ReLU often lets nothing through
SPATIAL_KERNEL = 7  # CBAM, section 3, equation 3


def attention_of(kind: AttentionKind, features: int) -> nn.Module:
    """An attention that scales its input, of one of the kinds that super-resolution uses.

    It is a sequence of one module, which is called after its kind: the keys of weights show which it is, also where
    two kinds have weights of the same shapes.

    Args:
        kind: channel: one factor a feature, from the means of all features (RCAN, arXiv:1807.02758, section 3.3);
            second_order: from their covariances (SAN, section 3.3); spatial: one factor a pixel (CBAM,
            arXiv:1807.06521, section 3); pixel: one a pixel and feature (PAN, arXiv:2010.01073);
            channel_spatial: channel, then spatial, in the order of CBAM. RCAN's channel attention has means only;
            CBAM's has maxima too.
        features: of the input and the output. Channel and second_order narrow them to a sixteenth, as in RCAN and
            SAN, but to no fewer than 4 numbers, and to more where the features have no such divisor.

    Raises:
        SrlabError: an unknown kind; `none` is none here.
    """
    if kind not in _ATTENTIONS:
        raise SrlabError(f"attention={kind}: expected none, {', '.join(_ATTENTIONS)}.{nearest(str(kind), _ATTENTIONS)}")
    return nn.Sequential(OrderedDict({kind: _ATTENTIONS[kind](features)}))


def infer_attention(state: State, block: str) -> str:
    """Finds the kind of a block's attention from its keys; none where it has none.

    Args:
        state: the state dict of a network.
        block: path of an `AttentionBlock` or of a residual block, such as "body.0".
    """
    prefix = f"{block}.attention."
    return next((key.removeprefix(prefix).split(".")[0] for key in state if key.startswith(prefix)), "none")


def attention_reach(kind: AttentionKind) -> int | None:
    """How many pixels an attention sees from a pixel's own position; None: the whole image."""
    if kind in GLOBAL:
        return None
    return SPATIAL_KERNEL // 2 if kind == "spatial" else 0


class AttentionBlock(ResidualBlock):
    """x + residual_scale * attention(conv(relu(conv(x)))), as in RCAN (section 3.4) with other attentions too.

    Args:
        features: of the input, of every convolution and of the output.
        attention: see `attention_of`; not none.
        norm: see `ResidualBlock`.
        residual_scale: factor of the residual.
        convolution: see `layers.convolution_of`.

    Raises:
        SrlabError: an unknown kind of attention or of convolution.
    """

    def __init__(
        self,
        features: int,
        attention: AttentionKind,
        norm: Norm = "none",
        residual_scale: float = 1.0,
        convolution: ConvolutionKind = "plain",
    ) -> None:
        super().__init__(features, norm, residual_scale, convolution=convolution)
        self.attention = attention_of(attention, features)

    def forward(self, x: Tensor) -> Tensor:
        return torch.add(x, self.attention(self.body(x)), alpha=self.residual_scale)


class SpatialAttention(nn.Module):
    """CBAM, section 3, equation 3: every pixel times a number in (0, 1), from a neighbourhood of 7 x 7 pixels.

    The convolution sees two maps, of the mean and of the largest of all features at every pixel. It has a bias, and no
    BatchNorm after it: that is in the authors' program, not in the equation, and EDSR's network has none.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv = conv(2, 1, SPATIAL_KERNEL)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) -> the same."""
        maps = torch.cat([x.mean(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)], dim=1)
        return x * torch.sigmoid(self.conv(maps))


class PixelAttention(nn.Module):
    """PAN (pixel attention): every feature at every pixel times a number in (0, 1), from the features of that pixel.

    Args:
        features: of the input and the output.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.conv = conv(features, features, kernel=1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, features, h, w) -> the same."""
        return x * torch.sigmoid(self.conv(x))


def _reduction(features: int) -> int:
    return math.gcd(features, max(1, min(REDUCTION, features // NARROWEST)))


_ATTENTIONS: dict[str, Callable[[int], nn.Module]] = {
    "channel": lambda features: ChannelAttention(features, _reduction(features)),
    "spatial": lambda features: SpatialAttention(),
    "pixel": PixelAttention,
    "channel_spatial": lambda features: nn.Sequential(
        ChannelAttention(features, _reduction(features)), SpatialAttention()
    ),
    "second_order": lambda features: SecondOrderAttention(features, _reduction(features)),
}
