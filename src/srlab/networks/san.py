"""SAN, the second-order attention network (Dai et al. 2019, CVPR, "Second-order Attention Network for Single Image
Super-Resolution").
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srlab.errors import SrlabError
from srlab.networks.layers import ResidualBlock, Upsampler, conv, infer_upsampler, precise, without_autocast
from srlab.networks.network import ShiftedConvolutions, SRNetwork, State, Traits, count
from srlab.networks.rcan import TrainedMeanShift

ITERATIONS = 5  # of the matrix square root (section 3.3)
SMALLEST = 1e-12  # trace that is divided by: a covariance of 0, as of an image of one pixel, has a root of 0
LARGEST = 1000  # side, in pixels, of what a covariance is taken of, as in the authors' program


class SANNetwork(SRNetwork):
    """Figure 2: residual groups with second-order attention between two passes of one region-level non-local block.

    Every group's output gets a share of the first pass's output, by a factor that all groups have in common and that
    begins at 0 (equation 4, as in the authors' program). Convolutions start as PyTorch initialises them.

    Args:
        scale: 2, 3, 4 or 8.
        channels: 3 (RGB) in the paper, or 1 (luma).
        features: of every convolution.
        groups: local-source residual attention groups.
        blocks: residual blocks of a group.
        reduction: by how much the second-order attention narrows the features; it divides them.

    Raises:
        SrlabError: a reduction that does not divide the features.
    """

    tiny: ClassVar[Mapping[str, Any]] = {"features": 16, "groups": 2, "blocks": 2, "reduction": 2}

    def __init__(
        self,
        scale: int,
        channels: int = 3,
        features: int = 64,
        groups: int = 20,
        blocks: int = 10,
        reduction: int = 16,
    ) -> None:
        super().__init__()
        self.mean_shift = TrainedMeanShift(channels)
        self.head = conv(channels, features)
        self.non_local = RegionNonLocal(features)
        self.groups = nn.ModuleList(AttentionGroup(features, blocks, reduction) for _ in range(groups))
        self.gamma = nn.Parameter(torch.zeros(1))
        self.tail = nn.Sequential(Upsampler(features, scale), conv(features, channels))
        # Covariances are of the whole image, and attention of a quarter of it.
        self.traits = Traits((scale,), channels, receptive_field=None)

    def forward(self, lr: Tensor, scale: int, condition: Tensor | None = None) -> Tensor:
        shallow = self.head(self.mean_shift.subtract(lr))
        source = self.non_local(shallow)
        features = source
        for group in self.groups:
            features = group(features) + self.gamma * source
        return self.mean_shift.add(self.tail(shallow + self.non_local(features)))

    def shifted_convolutions(self) -> ShiftedConvolutions:
        return ShiftedConvolutions("mean_shift", ("head",), ("tail.1",))

    @staticmethod
    def infer_arguments(state: State) -> dict[str, Any]:
        features, channels = state["head.weight"].shape[:2]
        return {
            "scale": infer_upsampler(state, "tail.0.", features)[0],
            "channels": channels,
            "features": features,
            "groups": count(state, r"groups\.(\d+)\."),
            "blocks": count(state, r"groups\.0\.blocks\.(\d+)\."),
            "reduction": features // max(1, len(state["groups.0.attention.squeeze.weight"])),
        }


class AttentionGroup(nn.Module):
    """Section 3.2 (LSRAG): residual blocks, second-order attention and a convolution, with a skip around all of them.

    Args:
        features: of every convolution.
        blocks: number of residual blocks.
        reduction: of the attention.
    """

    def __init__(self, features: int, blocks: int, reduction: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(ResidualBlock(features) for _ in range(blocks)))
        self.attention = SecondOrderAttention(features, reduction)
        self.conv = conv(features, features)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(self.attention(self.blocks(x)))


class SecondOrderAttention(nn.Module):
    """Section 3.3 (SOCA): scales every feature by what its covariances with all features say of it.

    Args:
        features: of the input and the output.
        reduction: what follows from the covariances passes through features // reduction numbers; it divides features.

    Raises:
        SrlabError: it does not.
    """

    def __init__(self, features: int, reduction: int) -> None:
        super().__init__()
        if features % reduction:
            raise SrlabError(f"model.network.reduction={reduction}: expected a divisor of features={features}.")
        self.squeeze = conv(features, features // reduction, kernel=1)
        self.excite = conv(features // reduction, features, kernel=1)

    def forward(self, x: Tensor) -> Tensor:
        with without_autocast(x.device):
            statistics = square_root(covariance(precise(_center(x)))).mean(dim=1)
        return x * torch.sigmoid(self.excite(torch.relu(self.squeeze(statistics[..., None, None].to(x.dtype)))))


class RegionNonLocal(nn.Module):
    """Section 3.2 (RL-NL): every pixel adds a weighted mean over all pixels of its quarter of the image.

    The weights are softmax(theta(x_i) . phi(x_j)) over j, and j runs over the maxima of 2 x 2 pixels, of phi and of g;
    a last odd row or column is left out there, as in the authors' program. The quarters are split at half the sides,
    rounded down. The weights of all pairs of pixels are never in memory together, as they are in that program.

    Args:
        features: of the input and the output; inside there is an eighth of them, at least one.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        inner = max(1, features // 8)
        self.theta, self.phi, self.g = (conv(features, inner, kernel=1) for _ in range(3))
        self.out = conv(inner, features, kernel=1)
        for parameter in self.out.parameters():  # the block begins as the identity
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        rows = x.tensor_split([height // 2], dim=2)
        return torch.cat(
            [torch.cat([self._quarter(part) for part in row.tensor_split([width // 2], dim=3)], dim=3) for row in rows],
            dim=2,
        )

    def _quarter(self, x: Tensor) -> Tensor:
        if x.numel() == 0:  # of an image with a side of one pixel
            return x
        key, value = (_pooled(layer(x)) for layer in (self.phi, self.g))
        query, key, value = (_tokens(y) for y in (self.theta(x), key, value))
        with without_autocast(x.device):
            mean = F.scaled_dot_product_attention(query, key, value, scale=1.0)
        return x + self.out(mean[:, 0].mT.reshape(len(x), -1, *x.shape[-2:]).to(x.dtype))


def _pooled(x: Tensor) -> Tensor:
    """Maxima of 2 x 2 pixels; a side of one pixel keeps it."""
    return F.max_pool2d(x, (min(2, x.shape[2]), min(2, x.shape[3])))


def _tokens(x: Tensor) -> Tensor:
    """(N, C, h, w) -> (N, 1, h * w, C), contiguous: else torch holds the weights of all pairs of pixels."""
    return precise(x).flatten(2).mT[:, None].contiguous()


def covariance(x: Tensor) -> Tensor:
    """Covariances of the features over all pixels: (N, C, h, w) -> (N, C, C).

    X X^T / M - mu mu^T, written as the product of what is left of X without its mean mu, which rounds less. The
    authors' program multiplies by an M x M matrix, where M is the number of pixels.
    """
    pixels = x.flatten(2)
    centred = pixels - pixels.mean(dim=2, keepdim=True)
    return centred @ centred.mT / pixels.shape[2]


def square_root(matrices: Tensor, iterations: int = ITERATIONS) -> Tensor:
    """The square root of positive semidefinite matrices by Newton-Schulz iterations (section 3.3).

    They converge for matrices whose norm is at most 1, so the trace is divided out before and its root put back after.

    Args:
        matrices: (N, C, C).
        iterations: after few of them, small eigenvalues are still far below their roots, as in the paper.

    Returns:
        (N, C, C); 0 for a matrix of 0.
    """
    trace = matrices.diagonal(dim1=1, dim2=2).sum(dim=1).reshape(-1, 1, 1).clamp(min=SMALLEST)
    identity = torch.eye(matrices.shape[1], dtype=matrices.dtype, device=matrices.device)
    root, inverse = matrices / trace, identity.expand_as(matrices)
    for _ in range(iterations):
        step = (3 * identity - inverse @ root) / 2
        root, inverse = root @ step, step @ inverse
    return root * trace.sqrt()


def _center(x: Tensor) -> Tensor:
    """The middle of an image that is larger than LARGEST on a side.

    The authors' program does the same, but for an image with one side of exactly LARGEST and a shorter one: there it
    takes a part that is not the middle.
    """
    top, left = (max(0, side - LARGEST) // 2 for side in x.shape[-2:])
    return x[..., top : top + LARGEST, left : left + LARGEST]
