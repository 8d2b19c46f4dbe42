"""EDSR, Enhanced Deep Residual Networks for Single Image Super-Resolution (Lim et al. 2017, arXiv:1707.02921)."""

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor, nn

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
from srlab.networks.network import SRNetwork, State, Traits, count


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
    ) -> None:
        super().__init__()
        self.mean = MeanShift(channels=channels)
        self.head = conv(channels, features)
        self.body = nn.Sequential(
            *(ResidualBlock(features, norm, residual_scale, convolution=convolution) for _ in range(blocks)),
            conv(features, features),
        )
        self.tail = nn.Sequential(Upsampler(features, scale, upsampler), conv(features, channels))
        # Head and body's end see one pixel each, and so do two convolutions a block, or two if they are dilated; the
        # upsampler and the tail see at most 2 together.
        block = 2 * (DILATION if convolution == "dilated" else 1)
        self.traits = Traits(scales=(scale,), channels=channels, receptive_field=block * blocks + 4)

    def forward(self, lr: Tensor, scale: int, condition: Tensor | None = None) -> Tensor:
        shallow = self.head(self.mean.subtract(lr))
        return self.mean.add(self.tail(shallow + self.body(shallow)))

    @staticmethod
    def infer_arguments(state: State) -> dict[str, Any]:
        features, channels = state["head.weight"].shape[:2]
        scale, upsampler = infer_upsampler(state, "tail.0.", features)
        return {
            "scale": scale,
            "channels": channels,
            "features": features,
            "blocks": count(state, r"body\.(\d+)\.body\."),
            "norm": "batch" if "body.0.body.1.weight" in state else "none",
            "upsampler": upsampler,
            "convolution": infer_convolution(state, "body.0.body.0"),
        }
