"""The blocks that several papers share."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from srlab.color import luma
from srlab.errors import SrlabError

Norm = Literal["none", "batch"]

DIV2K_MEAN = (0.4488, 0.4371, 0.4040)  # RGB mean of the DIV2K training set


def conv(inputs: int, outputs: int, kernel: int = 3) -> nn.Conv2d:
    """A convolution that keeps the size, with PyTorch's default initialisation."""
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)


def normalization(norm: Norm, features: int) -> list[nn.Module]:
    """No module or one. Raises SrlabError for an unknown name."""
    if norm not in ("none", "batch"):
        raise SrlabError(f"norm={norm}: expected none or batch.")
    return [nn.BatchNorm2d(features)] if norm == "batch" else []


class MeanShift(nn.Module):
    """Centres images on the training set's mean and stretches [0, 1] to the range that a network was designed for.

    EDSR and its descendants work on 0..255. Doing it here keeps their published initialisation, learning rates and
    weights valid while everything outside is in [0, 1].
    """

    mean: Tensor

    def __init__(self, mean: tuple[float, ...] = DIV2K_MEAN, channels: int = 3, value_range: float = 255.0) -> None:
        super().__init__()
        rgb = torch.tensor(mean).reshape(1, 3, 1, 1)
        # A constant of the architecture, not a weight: kept out of checkpoints.
        self.register_buffer("mean", (rgb if channels == 3 else luma(rgb)).flatten(), persistent=False)
        self.value_range = value_range

    def subtract(self, image: Tensor) -> Tensor:
        """[0, 1] -> the network's range, centred on 0."""
        return (image - self.mean.reshape(1, -1, 1, 1)) * self.value_range

    def add(self, image: Tensor) -> Tensor:
        """The network's range, centred on 0 -> [0, 1]."""
        return image / self.value_range + self.mean.reshape(1, -1, 1, 1)


class ResidualBlock(nn.Module):
    """x + residual_scale * conv(activation(conv(x))), with normalisation after each convolution where asked for."""

    def __init__(
        self,
        features: int,
        norm: Norm = "none",
        residual_scale: float = 1.0,
        activation: Callable[[], nn.Module] = lambda: nn.ReLU(inplace=True),
        kernel: int = 3,
    ) -> None:
        super().__init__()
        self.residual_scale = residual_scale
        self.body = nn.Sequential(
            conv(features, features, kernel),
            *normalization(norm, features),
            activation(),
            conv(features, features, kernel),
            *normalization(norm, features),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.add(x, self.body(x), alpha=self.residual_scale)


class SubPixelUpsampler(nn.Sequential):
    """Convolution and pixel shuffle (Shi et al. 2016, arXiv:1609.05158), twice by 2 for x4 and three times for x8.

    (N, features, h, w) -> (N, features, scale*h, scale*w). Raises SrlabError for other scales than 2, 3, 4, 8.
    """

    def __init__(self, features: int, scale: int, activation: Callable[[], nn.Module] | None = None) -> None:
        steps = {2: [2], 3: [3], 4: [2, 2], 8: [2, 2, 2]}
        if not isinstance(scale, int) or scale not in steps:
            raise SrlabError(f"scale={scale}: this upsampler has 2, 3, 4 and 8, one at a time.")
        layers: list[nn.Module] = []
        for step in steps[scale]:
            layers += [conv(features, features * step * step), nn.PixelShuffle(step)]
            layers += [activation()] if activation else []
        super().__init__(*layers)
