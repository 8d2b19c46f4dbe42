"""What LapSRN and MS-LapSRN share: the layers of a pyramid's levels, how x3 is made, and how far a level sees."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srlab.errors import SrlabError
from srlab.imaging.resize import imresize
from srlab.networks.layers import conv

SLOPE = 0.2  # of the leaky ReLUs
LEVELS = {2: 1, 3: 2, 4: 2, 8: 3}  # how many levels of x2 a scale takes; x3 is x4, reduced
IMAGE_KERNEL = 4  # of the transposed convolutions that enlarge images


class FeatureUpsampler(nn.ConvTranspose2d):
    """(N, features, h, w) -> (N, features, 2h, 2w), by a transposed convolution of stride 2.

    Args:
        features: of the input and the output.
        kernel: 3: what LR pixel k gives starts at HR pixel 2k, and the last row and column, which exceed 2h and 2w, are
            cut off, as in the authors' program. 4: it starts at 2k - 1.

    Raises:
        SrlabError: for another kernel.
    """

    def __init__(self, features: int, kernel: int = 3) -> None:
        if kernel not in (3, 4):
            raise SrlabError(
                f"model.network.kernel={kernel}: expected 3 or 4, of the features' transposed convolution."
            )
        super().__init__(features, features, kernel, stride=2, padding=_padding(kernel))
        nn.init.kaiming_normal_(self.weight, nonlinearity="relu")
        assert self.bias is not None
        nn.init.zeros_(self.bias)

    def forward(self, features: Tensor, output_size: list[int] | None = None) -> Tensor:
        height, width = features.shape[2:]
        return super().forward(features, output_size)[..., : 2 * height, : 2 * width]


def _padding(kernel: int) -> int:
    """What is cut off at the top and on the left of a transposed convolution's full output."""
    return (kernel - 2) // 2


def image_upsampler(channels: int) -> nn.ConvTranspose2d:
    """(N, channels, h, w) -> (N, channels, 2h, 2w), every channel by itself; it starts as bilinear interpolation."""
    layer = nn.ConvTranspose2d(channels, channels, IMAGE_KERNEL, stride=2, padding=1, groups=channels, bias=False)
    line = torch.tensor([0.25, 0.75, 0.75, 0.25], device="cpu")  # not the meta device: see MeanShift
    with torch.no_grad():
        layer.weight.copy_(torch.outer(line, line).expand_as(layer.weight))
    return layer


def first_convolution(channels: int, features: int) -> nn.Conv2d:
    """The convolution that extracts features from the LR image; the authors' program starts it at 0.001."""
    layer = conv(channels, features)
    nn.init.normal_(layer.weight, std=1e-3)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer


def activated(features: Tensor) -> Tensor:
    return F.leaky_relu(features, SLOPE)


def comparable(images: list[Tensor], scale: int) -> list[Tensor]:
    """Returns what can be compared with an HR image at a scale.

    Args:
        images: of every level, twice as large each time.
        scale: 2, 3, 4 or 8.

    Returns:
        The images themselves; at x3 only that of x4, reduced by 3/4 as MATLAB's imresize does, which is how the authors
        answer x3 (SR_LapSRN.m).
    """
    return [imresize(images[-1], 3 / 4)] if scale == 3 else images


def reach(scale: int, convolutions: int, kernel: int) -> int:
    """Returns how far an output pixel sees, in LR pixels from its own position.

    Follows, from the result down to the LR image, which rows the pixels under one LR pixel depend on.

    Args:
        scale: 2, 3, 4 or 8.
        convolutions: 3x3 convolutions of a level before its features are enlarged.
        kernel: of the transposed convolution of features.
    """
    # x3: bicubic reduction by 3/4 reaches 8/3 pixels of x4, so 3 pixels of x3 need two more of x4 on either side.
    low, high = (-2, 5) if scale == 3 else (0, scale - 1)
    low, high = low - 1, high + 1  # the residual's convolution
    padding = _padding(kernel)
    for _ in range(LEVELS[scale]):
        # Row i of the input reaches the rows from 2 * i - padding to 2 * i - padding + kernel - 1.
        low, high = -((kernel - 1 - padding - low) // 2), (high + padding) // 2
        low, high = low - convolutions, high + convolutions
    return max(-low, high) + 1  # and the first convolution
