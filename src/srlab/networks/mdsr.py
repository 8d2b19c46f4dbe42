"""MDSR, the multi-scale network of EDSR's paper (Lim et al. 2017, arXiv:1707.02921, section 3.3)."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor, nn

from srlab.errors import SrlabError
from srlab.networks.layers import MeanShift, ResidualBlock, Upsampler, UpsamplerKind, conv, infer_upsampler
from srlab.networks.network import ShiftedConvolutions, SRNetwork, State, Traits, count


class MDSRNetwork(SRNetwork):
    """Figure 5: one body for all scales; pre-processing and upsampling are separate for each of them.

    A forward pass uses, and a backward pass trains, only the modules of its scale and the shared ones.

    Args:
        scales: those that the network has: some of 2, 3, 4 and 8.
        channels: 3 (RGB) in the paper, or 1 (luma).
        features: of every convolution.
        blocks: residual blocks of the body: 16 in the baseline, 80 in the large network.
        residual_scale: factor of every block's residual in the body.
        upsampler: see `layers.Upsampler`.

    Raises:
        SrlabError: no scale, or one that is there twice.
    """

    tiny: ClassVar[Mapping[str, Any]] = {"features": 8, "blocks": 2}
    unseen: ClassVar[tuple[str, ...]] = ("residual_scale",)

    def __init__(
        self,
        scales: Sequence[int] = (2, 3, 4),
        channels: int = 3,
        features: int = 64,
        blocks: int = 16,
        residual_scale: float = 1.0,
        upsampler: UpsamplerKind = "subpixel",
    ) -> None:
        super().__init__()
        if not scales or len(set(scales)) < len(scales):
            raise SrlabError(f"model.network.scales={list(scales)}: expected different scales, such as [2,3,4].")
        self.mean = MeanShift(channels=channels)
        self.head = conv(channels, features)
        self.pre_process = nn.ModuleDict(
            {
                f"x{scale}": nn.Sequential(*(ResidualBlock(features, kernel=5) for _ in range(2)))
                for scale in sorted(scales)
            }
        )
        self.body = nn.Sequential(
            *(ResidualBlock(features, residual_scale=residual_scale) for _ in range(blocks)), conv(features, features)
        )
        self.upsample = nn.ModuleDict({f"x{scale}": Upsampler(features, scale, upsampler) for scale in sorted(scales)})
        self.tail = conv(features, channels)
        # As EDSR, and 2 pixels for each of the four 5x5 convolutions.
        self.traits = Traits(scales=tuple(sorted(scales)), channels=channels, receptive_field=2 * blocks + 12)

    def forward(self, lr: Tensor, scale: int, condition: Tensor | None = None) -> Tensor:
        # The skip starts after the pre-processing, as in the authors' code.
        shallow = self.pre_process[f"x{scale}"](self.head(self.mean.subtract(lr)))
        return self.mean.add(self.tail(self.upsample[f"x{scale}"](shallow + self.body(shallow))))

    def shifted_convolutions(self) -> ShiftedConvolutions:
        return ShiftedConvolutions("mean", ("head",), ("tail",))

    @staticmethod
    def infer_arguments(state: State) -> dict[str, Any]:
        features, channels = state["head.weight"].shape[:2]
        names = {key.split(".")[1] for key in state if key.startswith("upsample.")}
        shown = [infer_upsampler(state, f"upsample.{name}.", features) for name in names]
        return {
            "scales": sorted(scale for scale, _ in shown),
            "channels": channels,
            "features": features,
            "blocks": count(state, r"body\.(\d+)\.body\."),
            "upsampler": shown[0][1],
        }
