"""MATLAB's imresize, with which published LR images and bicubic baselines were made."""

import functools
import math
from collections.abc import Callable
from fractions import Fraction
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

Image = TypeVar("Image", np.ndarray, Tensor)


def _box(x: np.ndarray) -> np.ndarray:
    return ((x >= -0.5) & (x < 0.5)).astype(np.float64)


def _triangle(x: np.ndarray) -> np.ndarray:
    return np.maximum(0.0, 1.0 - np.abs(x))


def _cubic(x: np.ndarray) -> np.ndarray:
    """Keys 1981 with a = -0.5."""
    a = np.abs(x)
    near = 1.5 * a**3 - 2.5 * a**2 + 1
    far = -0.5 * a**3 + 2.5 * a**2 - 4 * a + 2
    return np.where(a <= 1, near, np.where(a <= 2, far, 0.0))


def _lanczos3(x: np.ndarray) -> np.ndarray:
    return np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0.0)


# name -> (kernel, width of its support in pixels of the coarser grid, antialiased when shrinking)
KERNELS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], float, bool]] = {
    "nearest": (_box, 1.0, False),
    "bilinear": (_triangle, 2.0, True),
    "bicubic": (_cubic, 4.0, True),
    "lanczos": (_lanczos3, 6.0, True),
}


def resized(side: int, scale: float) -> int:
    """Returns the side that imresize gives: ceil(scale * side), exact also for 30 * 0.1 = 3.0000000000000004."""
    return math.ceil(round(scale * side, 9))


@functools.lru_cache(maxsize=256)
def taps(side: int, scale: float, kernel: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns input positions and weights of every output position, both (taps, resized(side, scale))."""
    function, width, antialias = KERNELS[kernel]
    shrink = scale if scale < 1 and antialias else 1.0
    width = width / shrink
    out = np.arange(1, resized(side, scale) + 1, dtype=np.float64)
    centre = out / scale + 0.5 * (1 - 1 / scale)
    left = np.floor(centre - width / 2)
    positions = left[None, :] + np.arange(math.ceil(width) + 2)[:, None]
    weights = shrink * function(shrink * (centre[None, :] - positions))
    weights /= weights.sum(axis=0, keepdims=True)
    mirrored = np.concatenate([np.arange(side), np.arange(side)[::-1]])  # symmetric edge: the edge pixel is repeated
    indices = mirrored[np.mod(positions.astype(np.int64) - 1, 2 * side)]
    used = np.any(weights != 0, axis=1)
    return indices[used], weights[used]


def _resize_axis(image: Tensor, axis: int, scale: float, kernel: str) -> Tensor:
    indices, weights = taps(image.shape[axis], scale, kernel)
    shape = [1] * image.ndim
    shape[axis] = -1
    total: Tensor | None = None
    for index, weight in zip(indices, weights, strict=True):
        taken = image.index_select(axis, torch.from_numpy(index).to(image.device))
        factor = torch.from_numpy(weight).to(image).reshape(shape)
        total = taken * factor if total is None else torch.addcmul(total, taken, factor)
    assert total is not None
    return total


def _resize_tensor(image: Tensor, axes: tuple[int, int], scale: float, kernel: str) -> Tensor:
    """Rows first, then columns: MATLAB's order for equal scales."""
    if image.dtype == torch.uint8:
        for axis in axes:
            exact = _resize_axis(image.double(), axis, scale, kernel)
            image = exact.add_(0.5).floor_().clamp_(0, 255).to(torch.uint8)
        return image
    compute = image if image.dtype in (torch.float32, torch.float64) else image.float()
    if torch.compiler.is_exporting() or torch.jit.is_tracing():
        return resize_by_convolution(compute, scale, kernel).to(image.dtype)
    for axis in axes:
        compute = _resize_axis(compute, axis, scale, kernel)
    return compute.to(image.dtype)


@functools.lru_cache(maxsize=32)
def _phases(up: int, down: int, kernel: str) -> tuple[np.ndarray, int]:
    """Returns the filters of a scale of up/down along one axis, which repeat after `up` output positions.

    Returns:
        (up, taps): each output position's weights on consecutive input positions; and where these begin, relative to
        the input position `down * (i // up)` of output position i.
    """
    periods = 32  # a line long enough for its middle not to see the ends
    middle = periods // 2
    indices, weights = taps(down * periods, up / down, kernel)
    offsets = indices[:, up * middle : up * (middle + 1)] - down * middle
    first = int(offsets.min())
    filters = np.zeros((up, int(offsets.max()) - first + 1))
    for phase in range(up):
        np.add.at(filters[phase], offsets[:, phase] - first, weights[:, up * middle + phase])
    used = np.flatnonzero(filters.any(axis=0))
    return filters[:, used[0] : used[-1] + 1], first + int(used[0])


def resize_by_convolution(image: Tensor, scale: float, kernel: str = "bicubic") -> Tensor:
    """Resizes as `imresize` does, by a convolution and a pixel shuffle whose constants do not depend on the size.

    A program that is recorded, such as an ONNX file, then holds for every size. `imresize` calls this while one is
    recorded. At a scale of p/q the filters repeat after p output pixels and q input pixels: they are the p * p filters
    of a convolution of stride q.

    Args:
        image: (N, C, H, W), float32 or float64. The sides are multiples of q, and at least as large as what the kernel
            sees beyond the edge: 2 pixels for bicubic at whole scales.
        scale: p/q with small whole numbers, such as 2 or 3/4.
        kernel: as for `imresize`.

    Returns:
        (N, C, H * p/q, W * p/q).

    Raises:
        ValueError: the scale is no fraction of whole numbers up to 16.
    """
    ratio = Fraction(scale).limit_denominator(16)
    if abs(ratio - Fraction(scale)) > 1e-9 or ratio.numerator > 16:
        raise ValueError(f"scale must be a fraction of whole numbers up to 16, not {scale}")
    up, down = ratio.numerator, ratio.denominator
    line, first = _phases(up, down, kernel)
    last = first + line.shape[1] - 1
    plane = np.einsum("ay,bx->abyx", line, line).reshape(up * up, 1, line.shape[1], line.shape[1])
    channels = image.shape[1]
    filters = torch.from_numpy(np.tile(plane, (channels, 1, 1, 1))).to(image)
    for axis in (2, 3):
        image = _symmetrically_padded(image, axis, max(0, -first), max(0, last - (down - 1)))
    crop = max(0, first)  # nearest at odd scales sees nothing before its own pixel
    image = image[..., crop:, crop:] if crop else image
    return F.pixel_shuffle(F.conv2d(image, filters, stride=down, groups=channels), up)


def _symmetrically_padded(image: Tensor, axis: int, before: int, after: int) -> Tensor:
    """Adds mirrored rows or columns, the outermost ones repeated.

    Single rows, counted from the nearer edge, are what every runtime can record for any size.
    """
    every = (slice(None),) * axis
    head = [image[(*every, slice(i, i + 1))] for i in reversed(range(before))]
    tail = [image[(*every, slice(-i - 1, -i or None))] for i in range(after)]
    return torch.cat([*head, image, *tail], dim=axis)


def imresize(image: Image, scale: float, kernel: str = "bicubic") -> Image:
    """Resizes an image as MATLAB's imresize(image, scale, kernel) does.

    uint8 is rounded (half up) and clipped after each of the two passes, as MATLAB does: that, and not the kernel, is
    why most ports differ from published LR images. Floating point is neither rounded nor clipped; it is
    differentiable.

    Args:
        image: (H, W) or (H, W, C) array, or (N, C, H, W) tensor on any device; uint8 in 0..255 or floating point.
        scale: output over input side, such as 2 or 1/3.
        kernel: nearest, bilinear, bicubic or lanczos (lanczos3).

    Returns:
        The same type, with sides ceil(scale * side).

    Raises:
        ValueError: scale <= 0, an empty image, another shape or another kernel.
        TypeError: another dtype.
    """
    if scale <= 0:
        raise ValueError(f"scale must be greater than 0, not {scale}")
    if kernel not in KERNELS:
        raise ValueError(f"kernel must be one of {', '.join(KERNELS)}, not {kernel!r}")
    if isinstance(image, Tensor):
        if image.ndim != 4:
            raise ValueError(f"a tensor must be (N, C, H, W), not of shape {tuple(image.shape)}")
        tensor, axes = image, (2, 3)
    else:
        if image.ndim not in (2, 3):
            raise ValueError(f"an array must be (H, W) or (H, W, C), not of shape {image.shape}")
        tensor, axes = torch.from_numpy(np.require(image, requirements=["C", "W"])), (0, 1)
    if tensor.numel() == 0:
        raise ValueError(f"the image is empty: shape {tuple(image.shape)}")
    if tensor.dtype != torch.uint8 and not tensor.is_floating_point():
        raise TypeError(f"the image must be uint8 or floating point, not {tensor.dtype}")
    result = _resize_tensor(tensor, axes, float(scale), kernel)
    return result if isinstance(image, Tensor) else result.numpy()


def imresize_to(image: Tensor, height: int, width: int, kernel: str = "bicubic") -> Tensor:
    """Resizes an image as MATLAB's imresize(image, [height width], kernel) does: the two scales may differ a little.

    Args:
        image: (N, C, H, W), floating point.
        height, width: of the result.
        kernel: nearest, bilinear, bicubic or lanczos (lanczos3).

    Returns:
        (N, C, height, width).
    """
    image = _resize_axis(image, 2, height / image.shape[2], kernel)
    return _resize_axis(image, 3, width / image.shape[3], kernel)
