"""SRMD, Learning a Single Convolutional Super-Resolution Network for Multiple Degradations (Zhang et al. 2018,
arXiv:1712.06116)."""

import functools
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from srlab.errors import SrlabError
from srlab.imaging.blur_kernels import TOLD_LENGTH, WIDEST, random_kernel, turned
from srlab.networks.layers import conv
from srlab.networks.network import SRNetwork, State, Traits, count

CODE_LENGTH = 15  # numbers that stand for a kernel of 15 x 15 (section 3.2)
SAMPLED = 900  # kernels that the basis is computed from


class SRMDNetwork(SRNetwork):
    """Figure 3: convolutions that see the image, and maps that say how it was blurred and how noisy it is.

    The maps are constant over the image: the kernel's coordinates in a basis, and the level of the noise. The basis
    belongs to the network, which is trained with it: it is saved with the weights, and what the network is told is the
    kernel itself (`srlab.imaging.blur_kernels.told`).

    There is no batch normalisation. The paper trains with it, and merges it into the convolutions before the end.

    Args:
        scale: 2, 3 or 4.
        channels: 3 (RGB) in the paper, or 1 (luma).
        features: of every convolution but the last.
        convolutions: their number.
        noise: whether there is a map of the noise level; without it the network is called SRMDNF.

    Raises:
        SrlabError: for another scale, or fewer than two convolutions.
    """

    tiny: ClassVar[Mapping[str, Any]] = {"features": 8, "convolutions": 3}
    basis: Tensor  # (CODE_LENGTH, TOLD_LENGTH - 1): orthonormal; kernels row by row

    def __init__(
        self, scale: int, channels: int = 3, features: int = 128, convolutions: int = 12, noise: bool = True
    ) -> None:
        super().__init__()
        if scale not in WIDEST:
            raise SrlabError(f"scale={scale}: SRMD has {', '.join(map(str, WIDEST))}, one at a time.")
        if convolutions < 2:
            raise SrlabError(f"model.network.convolutions={convolutions}: expected at least 2.")
        self.noise = noise
        self.register_buffer("basis", torch.tensor(principal_directions(), dtype=torch.float32))
        layers: list[nn.Module] = [_orthogonal(conv(channels + CODE_LENGTH + int(noise), features)), nn.ReLU()]
        for _ in range(convolutions - 2):
            layers += [_orthogonal(conv(features, features)), nn.ReLU()]
        last = _orthogonal(conv(features, channels * scale**2), gain=1.0)
        self.body = nn.Sequential(*layers, last, nn.PixelShuffle(scale))
        self.traits = Traits((scale,), channels, receptive_field=convolutions, condition_length=TOLD_LENGTH)

    def forward(self, lr: Tensor, scale: int, condition: Tensor | None = None) -> Tensor:
        assert condition is not None
        maps = self.code(condition)[:, :, None, None].expand(-1, -1, *lr.shape[2:])
        return self.body(torch.cat([lr, maps.to(lr.dtype)], dim=1))

    def code(self, condition: Tensor) -> Tensor:
        """Returns the values of the maps: (N, TOLD_LENGTH) -> (N, CODE_LENGTH), or one more with the noise level."""
        coordinates = condition[:, :-1] @ self.basis.T
        return torch.cat([coordinates, condition[:, -1:]], dim=1) if self.noise else coordinates

    def turned_condition(self, condition: Tensor, symmetry: int) -> Tensor:
        return turned(condition, symmetry)

    @staticmethod
    def infer_arguments(state: State) -> dict[str, Any]:
        convolutions = count(state, r"body\.(\d+)\.weight")
        features, inputs = state["body.0.weight"].shape[:2]
        channels, noise = {1: (1, False), 2: (1, True), 3: (3, False), 4: (3, True)}[inputs - CODE_LENGTH]
        outputs = len(state[f"body.{2 * (convolutions - 1)}.weight"])
        return {
            "scale": round((outputs / channels) ** 0.5),
            "channels": channels,
            "features": features,
            "convolutions": convolutions,
            "noise": noise,
        }


@functools.cache
def principal_directions() -> np.ndarray:
    """Computes the basis: the principal directions of random kernels, as many of each scale (section 3.2).

    The authors' basis, which their trained networks need, is of the same kind, but of other kernels.

    Returns:
        (CODE_LENGTH, TOLD_LENGTH - 1) float64, orthonormal. They hold more than 99.9 % of the kernels' energy.
    """
    random = np.random.Generator(np.random.Philox(key=0))
    scales = sorted(WIDEST)
    kernels = np.stack([random_kernel(random, scales[i % len(scales)]).ravel() for i in range(SAMPLED)])
    directions = np.linalg.eigh(kernels.T @ kernels).eigenvectors  # by columns, the greatest energy last
    return np.ascontiguousarray(directions[:, : -CODE_LENGTH - 1 : -1].T)


def _orthogonal(layer: nn.Conv2d, gain: float = 2**0.5) -> nn.Conv2d:
    """Initialised as in the authors' PyTorch program, which has a gain of its own; this one keeps ReLU's variance."""
    nn.init.orthogonal_(layer.weight, gain)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer
