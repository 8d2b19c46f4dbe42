"""EDSR, Enhanced Deep Residual Networks for Single Image Super-Resolution (Lim et al. 2017, arXiv:1707.02921)."""

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor, nn

from srlab.networks.layers import MeanShift, Norm, ResidualBlock, Upsampler, UpsamplerKind, conv, infer_upsampler
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
    """

    tiny: ClassVar[Mapping[str, Any]] = {"features": 8, "blocks": 2}
    unseen: ClassVar[tuple[str, ...]] = ("residual_scale",)

    def __init__(
        self,
        scale: int,
        channels: int = 3,
        features: int = 64,
        blocks: int = 16,
        residual_scale: float = 1.0,
        norm: Norm = "none",
        upsampler: UpsamplerKind = "subpixel",
    ) -> None:
        super().__init__()
        self.mean = MeanShift(channels=channels)
        self.head = conv(channels, features)
        self.body = nn.Sequential(
            *(ResidualBlock(features, norm, residual_scale) for _ in range(blocks)), conv(features, features)
        )
        self.tail = nn.Sequential(Upsampler(features, scale, upsampler), conv(features, channels))
        # Head, body's end and two a block see one pixel each; the upsampler and the tail at most 2 together.
        self.traits = Traits(scales=(scale,), channels=channels, receptive_field=2 * blocks + 4)

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
        }
