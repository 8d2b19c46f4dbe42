"""CSNLN, the cross-scale non-local network (Mei et al. 2020, arXiv:2006.01424)."""

import sys
from collections.abc import Mapping
from math import isqrt
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from srlab.errors import SrlabError
from srlab.networks.layers import MeanShift, ResidualBlock, conv, precise, without_autocast
from srlab.networks.network import ShiftedConvolutions, SRNetwork, State, Traits

STAGES = {2: ((2, 2),), 3: ((3, 3),), 4: ((2, 2), (2, 4))}  # of a scale: by what each enlarges, and all until then
RESIZING = {2: (6, 2, 2), 3: (9, 3, 3), 4: (8, 4, 2)}  # kernel, stride and padding of convolutions that change the size
SHARPNESS = 10.0  # of the softmax over patches
OVERLAP = 6.0  # divides the sum of overlapping patches; nine of them overlap, but the authors' program has 6
SMALLEST = 1e-4  # norm of a patch that is divided by
# How many weights of pairs of a pixel and a patch may be in memory together. CPUs are faster where these fit into their
# caches, GPUs with few large steps; on the meta device nothing takes memory.
LIMITS = {"cpu": 2**22, "cuda": 2**26, "meta": sys.maxsize}


class CSNLNNetwork(SRNetwork):
    """One cell, which mines the image for examples of itself, is applied again and again to its own output.

    Every pass also gives HR features, and the image is a convolution of those of all passes.

    Args:
        scale: 2, 3 or 4.
        channels: 3 (RGB) in the paper, or 1 (luma).
        features: of every convolution; an even number.
        recursions: passes of the cell, which share its weights.

    Raises:
        SrlabError: another scale, or an odd number of features.
    """

    tiny: ClassVar[Mapping[str, Any]] = {"features": 8, "recursions": 2}

    def __init__(self, scale: int, channels: int = 3, features: int = 128, recursions: int = 12) -> None:
        super().__init__()
        if scale not in STAGES:
            raise SrlabError(f"scale={scale}: csnln has 2, 3 and 4, one at a time.")
        if features % 2:
            raise SrlabError(f"model.network.features={features}: expected an even number; the attention halves it.")
        self.recursions = recursions
        self.mean = MeanShift(channels=channels, value_range=1.0)
        self.head = nn.Sequential(conv(channels, features), nn.PReLU(), conv(features, features), nn.PReLU())
        self.cell = SelfExemplarsMining(features, scale)
        self.tail = conv(recursions * features, channels)
        # The attention reduces the image by the first stage's factor, and looks at all of it.
        self.traits = Traits((scale,), channels, size_multiple=STAGES[scale][0][0], receptive_field=None)

    def forward(self, lr: Tensor, scale: int, condition: Tensor | None = None) -> Tensor:
        self._check_sides(lr)
        features, images = self.head(self.mean.subtract(lr)), list[Tensor]()
        # The tail's convolution of all HR features is a sum over the passes, so those need not be in memory together.
        for weight in self.tail.weight.chunk(self.recursions, dim=1):
            features, enlarged = self.cell(features)
            with without_autocast(lr.device):
                images.append(F.conv2d(precise(enlarged), precise(weight), padding=1))
        assert self.tail.bias is not None
        return self.mean.add(sum(images, start=precise(self.tail.bias).reshape(1, -1, 1, 1)))

    def _check_sides(self, lr: Tensor) -> None:
        height, width = lr.shape[-2:]
        multiple = self.traits.size_multiple
        if height % multiple or width % multiple:
            raise SrlabError(
                f"csnln takes images whose sides are multiples of {multiple}, and not {width}x{height} pixels. In "
                f"training, data.patch_size says how large they are."
            )

    def shifted_convolutions(self) -> ShiftedConvolutions:
        return ShiftedConvolutions("mean", ("head.0",), ("tail",))

    @staticmethod
    def infer_arguments(state: State) -> dict[str, Any]:
        features, channels = state["head.0.weight"].shape[:2]
        scales = {kernel: scale for scale, (kernel, _, _) in RESIZING.items()}
        return {
            "scale": scales[state["cell.down.0.weight"].shape[-1]],
            "channels": channels,
            "features": features,
            "recursions": state["tail.weight"].shape[1] // max(1, features),
        }


class SelfExemplarsMining(nn.Module):
    """The self-exemplars mining (SEM) cell: HR features from LR features, and from those LR features for the next pass.

    Args:
        features: of the input and the outputs.
        scale: 2, 3 or 4.
    """

    def __init__(self, features: int, scale: int) -> None:
        super().__init__()
        self.stages = nn.ModuleList(ProjectionStage(features, *factors) for factors in STAGES[scale])
        self.down = reducing(features, scale)
        self.out = nn.Sequential(conv(features, features), nn.PReLU())

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(N, C, h, w) -> the same, and (N, C, scale * h, scale * w)."""
        enlarged = x
        for stage in self.stages:
            enlarged = stage(enlarged, x)
        return self.out(self.down(enlarged)), enlarged


class ProjectionStage(nn.Module):
    """The SEM cell's local branch: enlarges, and adds what the enlarged features have lost of the LR features.

    Args:
        features: of the inputs and the output.
        factor: 2 or 3, by which it enlarges.
        total: 2, 3 or 4, by how much its output is larger than the LR features.
    """

    def __init__(self, features: int, factor: int, total: int) -> None:
        super().__init__()
        self.projection = MultiSourceProjection(features, factor)
        self.down = reducing(features, total)
        self.up = enlarging(features, total)

    def forward(self, x: Tensor, lr: Tensor) -> Tensor:
        """(N, C, H, W) and (N, C, h, w) -> (N, C, factor * H, factor * W)."""
        enlarged = self.projection(x)
        return enlarged + self.up(lr - self.down(enlarged))


class MultiSourceProjection(nn.Module):
    """The SEM cell's non-local branches: enlarges by attention within and across scales, and fuses both.

    Args:
        features: of the input and the output.
        factor: 2 or 3.
    """

    def __init__(self, features: int, factor: int) -> None:
        super().__init__()
        self.within = InScaleAttention(features)
        self.up = enlarging(features, factor)
        self.across = CrossScaleAttention(features, factor)
        self.encoder = ResidualBlock(features, activation=nn.PReLU)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) -> (N, C, factor * h, factor * w)."""
        enlarged = self.up(self.within(x))
        return enlarged + self.encoder(self.across(x) - enlarged)


class InScaleAttention(nn.Module):
    """In-scale non-local attention, equation 1: a weighted mean over all pixels, by softmax(query . key).

    No residual is added.

    Args:
        features: of the input and the output; queries and keys have half as many.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.query, self.key = embedding(features, features // 2), embedding(features, features // 2)
        self.value = embedding(features, features)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) -> the same."""
        query, key, value = (_tokens(layer(x), x.shape[1]) for layer in (self.query, self.key, self.value))
        with without_autocast(x.device):
            mean = F.scaled_dot_product_attention(query, key, value, scale=1.0)
        return mean[:, 0].mT.reshape(x.shape).to(x.dtype)


def _tokens(x: Tensor, length: int) -> Tensor:
    """(N, C, h, w) -> (N, 1, h * w, length), contiguous, with zeros behind.

    With tokens of different lengths, torch would hold the weights of all pairs of pixels.
    """
    tokens = precise(x).flatten(2).mT[:, None]
    return F.pad(tokens, (0, length - tokens.shape[-1])).contiguous()


class CrossScaleAttention(nn.Module):
    """Cross-scale non-local attention, patch-based (equation 4): every pixel gets a weighted mean of larger patches.

    A pixel's 3 x 3 patch is compared with all 3 x 3 patches of the reduced image; the weights are those of the patches
    of 3 * factor pixels at the same places of the image itself. Overlapping patches are added.

    Args:
        features: of the input and the output; queries and keys have half as many.
        factor: 2 or 3.
    """

    smallest: Tensor  # (1,), saved with the weights as in the authors' program

    def __init__(self, features: int, factor: int) -> None:
        super().__init__()
        self.factor = factor
        self.query, self.key = embedding(features, features // 2), embedding(features, features // 2)
        self.value = embedding(features, features)
        self.register_buffer("smallest", torch.tensor([SMALLEST]))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w), sides multiples of the factor -> (N, C, factor * h, factor * w)."""
        height, width = x.shape[-2:]
        reduced = F.interpolate(x, size=(height // self.factor, width // self.factor), mode="bilinear")
        query, key, value = self.query(x), self.key(reduced), F.pixel_unshuffle(self.value(x), self.factor)
        with without_autocast(x.device):
            mean = patch_attention(precise(query), precise(key), precise(value), self.smallest)
        return F.pixel_shuffle(mean.to(x.dtype), self.factor)


def embedding(inputs: int, outputs: int) -> nn.Sequential:
    """A 1 x 1 convolution and PReLU."""
    return nn.Sequential(conv(inputs, outputs, kernel=1), nn.PReLU())


def reducing(features: int, factor: int) -> nn.Sequential:
    """(N, features, h, w) -> (N, features, h / factor, w / factor), for a factor of 2, 3 or 4."""
    kernel, stride, padding = RESIZING[factor]
    return nn.Sequential(nn.Conv2d(features, features, kernel, stride, padding), nn.PReLU())


def enlarging(features: int, factor: int) -> nn.Sequential:
    """(N, features, h, w) -> (N, features, factor * h, factor * w), for a factor of 2, 3 or 4."""
    kernel, stride, padding = RESIZING[factor]
    return nn.Sequential(nn.ConvTranspose2d(features, features, kernel, stride, padding), nn.PReLU())


def patch_attention(query: Tensor, key: Tensor, value: Tensor, smallest: Tensor, limit: int | None = None) -> Tensor:
    """Cross-scale attention between 3 x 3 patches, the reduced image's pixels standing for blocks of the image's.

    The authors' program cuts patches out, uses those of the keys as filters of a convolution and those of the values as
    filters of a transposed one. Here, products and weights are of single pixels, and patches are sums along diagonals:
    that is a ninth of the multiplications, and no patch is ever cut out. Rectangles of queries are computed one by one,
    and again in the backward pass, so that memory is bounded.

    Args:
        query: (N, K, H, W).
        key: (N, K, h, w), of the reduced image.
        value: (N, V, h, w), what stands in the image at the place of each of its pixels.
        smallest: norm that a key's patch is divided by at least; (1,).
        limit: how many weights of pairs of a pixel and a patch a rectangle may have; None: that of LIMITS. The result
            does not depend on it.

    Returns:
        (N, V, H, W): the sum over the nine patches that cover a pixel, divided by OVERLAP.
    """
    squares = F.avg_pool2d(key.square().sum(dim=1, keepdim=True), 3, stride=1, padding=1, divisor_override=1)
    norms = squares.clamp(min=smallest.square()).sqrt()
    limit = limit or LIMITS.get(query.device.type, LIMITS["cuda"])
    side = max(1, isqrt(limit // (len(key) * key[0, 0].numel())))
    rows, columns = _spans(query.shape[2], side), _spans(query.shape[3], side)
    if len(rows) == len(columns) == 1:
        return _rectangle(query, key, norms, value, rows[0], columns[0])
    bands = [
        torch.cat(
            [checkpoint(_rectangle, query, key, norms, value, down, across, use_reentrant=False) for across in columns],
            dim=3,
        )
        for down in rows
    ]
    return torch.cat(bands, dim=2)


Span = tuple[int, int]  # from, to: of rows or columns


def _spans(length: int, side: int) -> list[Span]:
    """Cuts a length into equal parts of at most `side`."""
    parts = -(-length // side)
    return [(length * i // parts, length * (i + 1) // parts) for i in range(parts)]


def _grown(span: Span, length: int) -> Span:
    """A span with its neighbours."""
    return max(0, span[0] - 1), min(length, span[1] + 1)


def _rectangle(query: Tensor, key: Tensor, norms: Tensor, value: Tensor, rows: Span, columns: Span) -> Tensor:
    """`patch_attention` for a rectangle of queries: (N, V, its height, its width).

    Patches of neighbours reach into the rectangle, and those of the neighbours' queries reach one further.
    """
    height, width = query.shape[-2:]
    near = _grown(rows, height), _grown(columns, width)
    far = _grown(near[0], height), _grown(near[1], width)
    seen = query[:, :, far[0][0] : far[0][1], far[1][0] : far[1][1]]
    products = _cut(sum_along_diagonals(torch.einsum("nkij,nkyx->nijyx", seen, key)), far, near)
    weights = (products * (SHARPNESS / norms[:, :, None])).flatten(3).softmax(dim=3).view_as(products)
    shares = _cut(sum_along_diagonals(weights), near, (rows, columns))
    return torch.einsum("nvyx,nijyx->nvij", value, shares) / OVERLAP


def _cut(pairs: Tensor, outer: tuple[Span, Span], inner: tuple[Span, Span]) -> Tensor:
    """Cuts (N, height, width, h, w) of one rectangle of the image down to one within it."""
    (top, bottom), (left, right) = inner
    return pairs[:, top - outer[0][0] : bottom - outer[0][0], left - outer[1][0] : right - outer[1][0]]


def sum_along_diagonals(pairs: Tensor) -> Tensor:
    """Sums over the nine neighbours that both pixels of a pair have in the same direction.

    From products of pixels that gives the products of their 3 x 3 patches; and from the weights of patches the weight
    that each of their pixels gets. What lies outside of an image counts as 0.

    Args:
        pairs: (N, H, W, h, w), for the pixels of one image and those of another.

    Returns:
        The same size.
    """
    for axis, other in ((1, 3), (2, 4)):
        total = pairs.clone()
        later = (axis, 1, pairs.shape[axis] - 1), (other, 1, pairs.shape[other] - 1)
        earlier = (axis, 0, pairs.shape[axis] - 1), (other, 0, pairs.shape[other] - 1)
        for ours, theirs in ((later, earlier), (earlier, later)):
            total.narrow(*ours[0]).narrow(*ours[1]).add_(pairs.narrow(*theirs[0]).narrow(*theirs[1]))
        pairs = total
    return pairs
