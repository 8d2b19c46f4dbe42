"""Gaussian blur kernels, and how a degradation-conditioned network is told of one (SRMD, arXiv:1712.06116)."""

import numpy as np
import torch
from torch import Tensor

from srlab.errors import SrlabError
from srlab.imaging.symmetries import orient

SIDE = 15  # of every kernel, as in SRMD's section 4.1
TOLD_LENGTH = SIDE * SIDE + 1  # a kernel, row by row, and a noise level
MOST_NOISE = 75 / 255  # standard deviation, for images in [0, 1]

# SRMD's section 4.1, by scale: the widest isotropic kernel (standard deviation) and the largest eigenvalue of the
# covariance of an anisotropic one; in HR pixels.
WIDEST = {2: 2.0, 3: 3.0, 4: 4.0}
LARGEST_EIGENVALUE = {2: 6.0, 3: 8.0, 4: 10.0}
NARROWEST, SMALLEST_EIGENVALUE = 0.2, 0.5


def gaussian_kernel(covariance: np.ndarray, side: int = SIDE) -> np.ndarray:
    """Returns a Gaussian at integer offsets, as MATLAB's fspecial samples it.

    Args:
        covariance: (2, 2), symmetric and positive definite, in pixels^2; rows before columns.
        side: of the kernel, odd.

    Returns:
        (side, side) float64, of sum 1.
    """
    across = np.arange(side) - side // 2
    down = across[:, None]
    inverse = np.linalg.inv(covariance)
    distances = inverse[0, 0] * down**2 + 2 * inverse[0, 1] * down * across + inverse[1, 1] * across**2
    kernel = np.exp(-distances / 2)
    return kernel / kernel.sum()


def isotropic_kernel(width: float, side: int = SIDE) -> np.ndarray:
    """Returns MATLAB's fspecial('gaussian', side, width). Raises SrlabError for a width of 0 or less."""
    if not width > 0:
        raise SrlabError(f"width={width}: expected the standard deviation of a kernel, in pixels, greater than 0.")
    return gaussian_kernel(width**2 * np.eye(2), side)


def random_kernel(random: np.random.Generator, scale: int) -> np.ndarray:
    """Draws a kernel as SRMD's training does: isotropic or anisotropic, each half of the time (section 4.1).

    The paper does not say how often each is drawn.

    Args:
        random: drawn from.
        scale: 2, 3 or 4, which decides how wide kernels are.

    Returns:
        (SIDE, SIDE) float64, of sum 1.
    """
    if random.random() < 0.5:
        return isotropic_kernel(random.uniform(NARROWEST, WIDEST[scale]))
    angle = random.uniform(0, np.pi)
    eigenvalues = random.uniform(SMALLEST_EIGENVALUE, LARGEST_EIGENVALUE[scale], size=2)
    axes = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return gaussian_kernel(axes @ np.diag(eigenvalues) @ axes.T)


def delta_kernel() -> np.ndarray:
    """Returns the kernel that changes nothing: with it, a degradation is bicubic alone."""
    kernel = np.zeros((SIDE, SIDE))
    kernel[SIDE // 2, SIDE // 2] = 1
    return kernel


def blur(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Filters every channel as MATLAB's imfilter(image, kernel, 'replicate') does. Computed by the FFT.

    Args:
        image: (H, W) or (H, W, C), of any real type.
        kernel: (k, k), k odd.

    Returns:
        Of the image's shape, float64, neither rounded nor clipped.
    """
    reach = len(kernel) // 2
    planes = image[None] if image.ndim == 2 else image.transpose(2, 0, 1)
    padded = torch.from_numpy(np.pad(planes.astype(np.float64), ((0, 0), (reach, reach), (reach, reach)), mode="edge"))
    size = [side + -side % 16 for side in padded.shape[1:]]  # sides with small factors are faster
    response = torch.fft.rfft2(torch.from_numpy(np.ascontiguousarray(kernel, dtype=np.float64)), s=size).conj()
    blurred = torch.fft.irfft2(torch.fft.rfft2(padded, s=size) * response, s=size).numpy()
    blurred = blurred[:, : planes.shape[1], : planes.shape[2]]
    return blurred[0] if image.ndim == 2 else blurred.transpose(1, 2, 0)


def told(kernel: np.ndarray, noise: float = 0.0) -> np.ndarray:
    """Returns what a network is told of a degradation by blur, bicubic shrinking and noise.

    Args:
        kernel: (k, k), odd and at most SIDE; not negative, of sum 1, in HR pixels.
        noise: standard deviation of the noise in the LR image, for images in [0, 1]: at most MOST_NOISE.

    Returns:
        (TOLD_LENGTH,) float32: the kernel with zeros around it, row by row, and the noise.

    Raises:
        SrlabError: another kernel, or another noise.
    """
    shape = kernel.shape
    if len(shape) != 2 or shape[0] != shape[1] or shape[0] % 2 == 0 or shape[0] > SIDE:
        size = "x".join(map(str, shape))
        raise SrlabError(f"kernel: expected a square one of odd side, at most {SIDE}x{SIDE}, not {size}.")
    if not (kernel.min() >= 0 and abs(kernel.sum() - 1) < 1e-3):
        raise SrlabError(
            f"kernel: expected no value below 0 and a sum of 1, not {kernel.min():g} and {kernel.sum():g}."
        )
    if not 0 <= noise <= MOST_NOISE:
        raise SrlabError(
            f"noise={noise:g}: expected a standard deviation for images in [0, 1], from 0 to {MOST_NOISE:.4f} (75/255)."
        )
    around = (SIDE - shape[0]) // 2
    return np.append(np.pad(kernel, around).ravel(), noise).astype(np.float32)


def turned(condition: Tensor, symmetry: int) -> Tensor:
    """Returns what a network is told of images that were turned: the kernel turns with them.

    Args:
        condition: (N, TOLD_LENGTH), as `told` gives it.
        symmetry: 0 to 7, as of `orient`.
    """
    kernels = orient(condition[:, :-1].reshape(-1, SIDE, SIDE), symmetry).flatten(1)
    return torch.cat([kernels, condition[:, -1:]], dim=1)
