"""SRResNet, the generator of SRGAN (Ledig et al. 2017, arXiv:1609.04802), trained on a pixel loss."""

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor, nn

from srlab.networks.layers import Norm, ResidualBlock, Upsampler, UpsamplerKind, conv, infer_upsampler, normalization
from srlab.networks.network import SRNetwork, State, Traits, count


class SRResNetNetwork(SRNetwork):
    """Figure 4, generator: residual blocks with BatchNorm and PReLU, at LR size, and an upsampler at the end.

    Inside, the output is in [-1, 1] (section 3.2); `forward` brings it to [0, 1].

    Args:
        scale: 2, 3, 4 or 8; 4 in the paper.
        channels: 3 (RGB) in the paper, or 1 (luma).
        features: of every convolution.
        blocks: residual blocks.
        residual_scale: factor of every block's residual; 1 in the paper.
        norm: batch, as in the paper, or none.
        upsampler: see `layers.Upsampler`.
    """

    tiny: ClassVar[Mapping[str, Any]] = {"features": 8, "blocks": 2}
    unseen: ClassVar[tuple[str, ...]] = ("residual_scale",)

    def __init__(
        self,
        scale: int = 4,
        channels: int = 3,
        features: int = 64,
        blocks: int = 16,
        residual_scale: float = 1.0,
        norm: Norm = "batch",
        upsampler: UpsamplerKind = "subpixel",
    ) -> None:
        super().__init__()
        self.head = nn.Sequential(conv(channels, features, 9), nn.PReLU())
        self.body = nn.Sequential(
            *(ResidualBlock(features, norm, residual_scale, nn.PReLU) for _ in range(blocks)),
            conv(features, features),
            *normalization(norm, features),
        )
        self.tail = nn.Sequential(Upsampler(features, scale, upsampler, nn.PReLU), conv(features, channels, 9))
        # 4 for the head, 2 a block, 1 for the body's end, less than 2 for the upsampler, at most 2 for the tail.
        self.traits = Traits(scales=(scale,), channels=channels, receptive_field=2 * blocks + 9)

    def forward(self, lr: Tensor, scale: int, condition: Tensor | None = None) -> Tensor:
        shallow = self.head(lr)
        return (self.tail(shallow + self.body(shallow)) + 1) / 2

    @staticmethod
    def infer_arguments(state: State) -> dict[str, Any]:
        features, channels = state["head.0.weight"].shape[:2]
        scale, upsampler = infer_upsampler(state, "tail.0.", features)
        return {
            "scale": scale,
            "channels": channels,
            "features": features,
            "blocks": count(state, r"body\.(\d+)\.body\."),
            "norm": "batch" if "body.0.body.1.running_mean" in state else "none",
            "upsampler": upsampler,
        }
