"""The discriminator of SRGAN (Ledig et al. 2017, arXiv:1609.04802)."""

import math

from torch import Tensor, nn

from srlab.networks.layers import Norm, conv, normalization

WIDTHS = (1, 1, 2, 2, 4, 4, 8, 8)  # of the convolutions, in multiples of `features`; every second one has stride 2


class Discriminator(nn.Module):
    """Figure 4, discriminator: tells HR images from super-resolved ones.

    Args:
        size: side of the patches in pixels, on which the number of weights depends; 96 in the paper.
        channels: of the images.
        features: of the first convolution; the last has eight times as many.
        dense: width of the fully connected layer.
        norm: batch, as in the paper, or none.
    """

    def __init__(
        self, size: int, channels: int = 3, features: int = 64, dense: int = 1024, norm: Norm = "batch"
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [conv(channels, features), nn.LeakyReLU(0.2)]
        for i in range(1, len(WIDTHS)):
            inputs, outputs = features * WIDTHS[i - 1], features * WIDTHS[i]
            layers += [nn.Conv2d(inputs, outputs, 3, stride=1 + i % 2, padding=1)]
            layers += [*normalization(norm, outputs), nn.LeakyReLU(0.2)]
        self.convolutions = nn.Sequential(*layers)
        side = math.ceil(size / 16)
        self.dense = nn.Sequential(
            nn.Linear(features * WIDTHS[-1] * side**2, dense), nn.LeakyReLU(0.2), nn.Linear(dense, 1)
        )

    def forward(self, image: Tensor) -> Tensor:
        """(N, channels, size, size) in [0, 1] -> (N, 1) logits in float32; inside, images are in [-1, 1]."""
        # Losses take differences of logits that bf16 would round away.
        return self.dense(self.convolutions(2 * image - 1).flatten(1)).float()
