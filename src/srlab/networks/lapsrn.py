"""LapSRN, Deep Laplacian Pyramid Networks for Fast and Accurate Super-Resolution (Lai 2017, arXiv:1704.03915)."""

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor, nn

from srlab.errors import SrlabError
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

SCALES = {2: (2,), 4: (2, 3, 4), 8: (2, 3, 4, 8)}  # what a network of so large a scale answers


class LapSRNNetwork(SRNetwork):
    """Figure 1(e): a level enlarges features and image by 2 and adds a residual to the image; x8 has three, on luma.

    A network answers every scale up to its own: x2 is the image of the first level. It makes x3 from x4, reduced by 3/4
    as MATLAB's imresize does (bicubic, antialiased), as the authors' program does, so x3 has no weights.

    Args:
        scale: 2, 4 or 8: of the last level.
        channels: 1 (luma) in the paper.
        features: of every convolution.
        depth: convolutions of a level before its features are enlarged: 10, or 5 in the x8 network that the authors
            released.
        kernel: of the transposed convolution that enlarges features: 3 in the authors' program, 4 in the paper's text
            and in twtygqyy/pytorch-LapSRN. Images are always enlarged by 4 x 4.

    Raises:
        SrlabError: another scale or kernel.
    """

    tiny: ClassVar[Mapping[str, Any]] = {"features": 8, "depth": 2}

    def __init__(self, scale: int, channels: int = 1, features: int = 64, depth: int = 10, kernel: int = 3) -> None:
        super().__init__()
        if scale not in SCALES:
            own = " A network of x4 makes x3 from its x4: model.network.scale=4." if scale == 3 else ""
            raise SrlabError(f"scale={scale}: LapSRN has 2, 4 and 8, one at a time.{own}")
        self.head = first_convolution(channels, features)
        self.levels = nn.ModuleList(_Level(channels, features, depth, kernel) for _ in range(LEVELS[scale]))
        self.traits = Traits(
            SCALES[scale],
            channels,
            receptive_field=max(reach(own, depth, kernel) for own in SCALES[scale]),
            slow_layers=convolution_biases(self),
        )

    def forward(self, lr: Tensor, scale: int, condition: Tensor | None = None) -> Tensor:
        return self.outputs(lr, scale)[-1]

    def outputs(self, lr: Tensor, scale: int, condition: Tensor | None = None) -> list[Tensor]:
        """Returns the image of every level up to the scale's: x2, x4, x8. At x3 it is only the final one."""
        features, image = activated(self.head(lr)), lr
        images = []
        for level in self.levels[: LEVELS[scale]]:
            features, image = level(features, image)
            images.append(image)
        return comparable(images, scale)

    @staticmethod
    def infer_arguments(state: State) -> dict[str, Any]:
        features, channels = state["head.weight"].shape[:2]
        return {
            "scale": 2 ** count(state, r"levels\.(\d+)\."),
            "channels": channels,
            "features": features,
            "depth": count(state, r"levels\.0\.convolutions\.(\d+)\."),
            "kernel": state["levels.0.upsampler.weight"].shape[-1],
        }


class _Level(nn.Module):
    """Features and an image, (N, features, h, w) and (N, channels, h, w) -> both at twice the size (section 3.1)."""

    def __init__(self, channels: int, features: int, depth: int, kernel: int) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(he_conv(features, features) for _ in range(depth))
        self.upsampler = FeatureUpsampler(features, kernel)
        self.residual = he_conv(features, channels)
        self.image_upsampler = image_upsampler(channels)

    def forward(self, features: Tensor, image: Tensor) -> tuple[Tensor, Tensor]:
        for layer in self.convolutions:
            features = activated(layer(features))
        features = activated(self.upsampler(features))
        return features, self.image_upsampler(image) + self.residual(features)
