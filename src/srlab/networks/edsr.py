"""EDSR, Enhanced Deep Residual Networks for Single Image Super-Resolution (Lim et al. 2017, arXiv:1707.02921)."""

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor, nn

from srlab.errors import SrlabError
from srlab.networks.attention import AttentionBlock, AttentionKind, attention_reach, infer_attention
from srlab.networks.connections import Connections, connected, infer_connections
from srlab.networks.layers import (
    DILATION,
    ConvolutionKind,
    MeanShift,
    Norm,
    ResidualBlock,
    Upsampler,
    UpsamplerKind,
    conv,
    infer_convolution,
    infer_upsampler,
)
from srlab.networks.network import ShiftedConvolutions, SRNetwork, State, Traits, count


class EDSRNetwork(SRNetwork):
    """Figure 3: residual blocks without BatchNorm, at LR size, and an upsampler at the end.

    Args:
        scale: 2, 3, 4 or 8.
        channels: 3 (RGB) in the paper, or 1 (luma).
        features: of every convolution: 64, or 256 in the large network.
        blocks: residual blocks: 16, or 32 in the large network.
        residual_scale: factor of every block's residual (section 3.3): 1, or 0.1 in the large network.
        norm: none, as in the paper, or batch, for comparisons.
        upsampler: see `layers.Upsampler`.
        convolution: of the residual blocks: plain, as in the paper, or another of `layers.convolution_of`, for
            comparisons.
        attention: what every block's residual passes before the sum: none, as in the paper, or one of
            `attention.attention_of`, for comparisons.
        connections: of the blocks: residual, as in the paper, or another of `connections.connected`, for comparisons.

    Raises:
        SrlabError: recursive connections with BatchNorm.
    """

    tiny: ClassVar[Mapping[str, Any]] = {"features": 8, "blocks": 2}
    unseen: ClassVar[tuple[str, ...]] = (
        "residual_scale",
        "convolution",
    )  # dilated and plain weights have one shape

    def __init__(
        self,
        scale: int,
        channels: int = 3,
        features: int = 64,
        blocks: int = 16,
        residual_scale: float = 1.0,
        norm: Norm = "none",
        upsampler: UpsamplerKind = "subpixel",
        convolution: ConvolutionKind = "plain",
        attention: AttentionKind = "none",
        connections: Connections = "residual",
    ) -> None:
        super().__init__()
        if connections == "recursive" and norm == "batch":
            # What the block sees differs from one application to the next, so one BatchNorm cannot serve all of them.
            raise SrlabError("model.network.connections=recursive: has no BatchNorm. Choose model.network.norm=none.")

        def block() -> ResidualBlock:
            if attention == "none":
                return ResidualBlock(features, norm, residual_scale, convolution=convolution)
            return AttentionBlock(features, attention, norm, residual_scale, convolution)

        self.mean = MeanShift(channels=channels)
        self.head = conv(channels, features)
        self.body = nn.Sequential(*connected(connections, features, blocks, block), conv(features, features))
        self.tail = nn.Sequential(Upsampler(features, scale, upsampler), conv(features, channels))
        # Head and body's end see one pixel each, and so do two convolutions a block, or two if they are dilated; the
        # upsampler and the tail see at most 2 together.
        seen, reach = 2 * (DILATION if convolution == "dilated" else 1), attention_reach(attention)
        field = None if reach is None else (seen + reach) * blocks + 4
        self.traits = Traits(scales=(scale,), channels=channels, receptive_field=field)

    def forward(self, lr: Tensor, scale: int, condition: Tensor | None = None) -> Tensor:
        shallow = self.head(self.mean.subtract(lr))
        return self.mean.add(self.tail(shallow + self.body(shallow)))

    def shifted_convolutions(self) -> ShiftedConvolutions:
        return ShiftedConvolutions("mean", ("head",), ("tail.1",))

    @staticmethod
    def infer_arguments(state: State) -> dict[str, Any]:
        features, channels = state["head.weight"].shape[:2]
        scale, upsampler = infer_upsampler(state, "tail.0.", features)
        connections, first = infer_connections(state, "body")
        shown = count(state, r"body\.(?:0\.blocks\.)?(\d+)\.body\.")
        return {
            "scale": scale,
            "channels": channels,
            "features": features,
            **({} if connections == "recursive" else {"blocks": shown}),  # how often one is applied, nothing shows
            "norm": "batch" if f"{first}.body.1.weight" in state else "none",
            "upsampler": upsampler,
            "convolution": infer_convolution(state, f"{first}.body.0"),
            "attention": infer_attention(state, first),
            "connections": connections,
        }
