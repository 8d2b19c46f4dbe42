"""MS-LapSRN, Fast and Accurate Image Super-Resolution with Deep Laplacian Pyramid Networks (Lai et al. 2017,
arXiv:1710.01992)."""

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor, nn

from srlab.networks.laplacian_pyramid import (
    LEVELS,
    FeatureUpsampler,
    activated,
    comparable,
    first_convolution,
    image_upsampler,
    reach,
)
from srlab.networks.layers import convolution_biases, he_conv
from srlab.networks.network import SRNetwork, State, Traits, count

SCALES = (2, 3, 4, 8)


class MSLapSRNNetwork(SRNetwork):
    """LapSRN whose levels are all the same level: one set of weights for x2, x4 and x8, on luma.

    Within a level, a block of convolutions runs several times with the same weights, and the level's input is added
    after each run (the paper's source skip, SS). Activations stand before convolutions, so features are enlarged
    without one after it. x3 is made from x4, reduced by 3/4 as MATLAB's imresize does (bicubic, antialiased), as the
    authors' program does.

    Args:
        channels: 1 (luma) in the paper.
        features: of every convolution.
        depth: D, convolutions of the block; 5 in the paper's best network.
        recursions: R, how often the block runs in a level; 8 in the paper's best network.
    """

    tiny: ClassVar[Mapping[str, Any]] = {"features": 8, "depth": 1, "recursions": 2}
    unseen: ClassVar[tuple[str, ...]] = ("recursions",)

    def __init__(self, channels: int = 1, features: int = 64, depth: int = 5, recursions: int = 8) -> None:
        super().__init__()
        self.recursions = recursions
        self.head = first_convolution(channels, features)
        self.convolutions = nn.ModuleList(he_conv(features, features) for _ in range(depth))
        self.upsampler = FeatureUpsampler(features)
        self.residual = he_conv(features, channels)
        self.image_upsampler = image_upsampler(channels)
        self.traits = Traits(
            SCALES,
            channels,
            receptive_field=max(reach(scale, depth * recursions, self.upsampler.kernel_size[0]) for scale in SCALES),
            slow_layers=convolution_biases(self),
        )

    def forward(self, lr: Tensor, scale: int, condition: Tensor | None = None) -> Tensor:
        return self.outputs(lr, scale)[-1]

    def outputs(self, lr: Tensor, scale: int, condition: Tensor | None = None) -> list[Tensor]:
        """Returns the image of every level up to the scale's: x2, x4, x8. At x3 it is only the final one."""
        features, image = self.head(lr), lr
        images = []
        for _ in range(LEVELS[scale]):
            features = self.upsampler(activated(self._embedded(features)))
            image = self.image_upsampler(image) + self.residual(features)
            images.append(image)
        return comparable(images, scale)

    def _embedded(self, source: Tensor) -> Tensor:
        """Runs the recursive block on the input of a level, (N, features, h, w) -> the same shape."""
        x = source
        for _ in range(self.recursions):
            for layer in self.convolutions:
                x = layer(activated(x))
            x = x + source
        return x

    @staticmethod
    def infer_arguments(state: State) -> dict[str, Any]:
        features, channels = state["head.weight"].shape[:2]
        return {"channels": channels, "features": features, "depth": count(state, r"convolutions\.(\d+)\.")}
