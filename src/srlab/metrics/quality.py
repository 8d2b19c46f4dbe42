"""PSNR and SSIM of one image, (C, H, W) float64 arrays of values in 0..255."""

import numpy as np
import torch
from skimage.metrics import structural_similarity

SSIM_WINDOW = 11  # skimage's window at sigma 1.5


def psnr(sr: np.ndarray, hr: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB.

    Args:
        sr: (C, H, W), in 0..255.
        hr: like `sr`.

    Returns:
        10 log10(255^2 / MSE) over all channels together; infinite for equal images.
    """
    if np.array_equal(sr, hr):
        return float("inf")
    from torchmetrics.functional.image import peak_signal_noise_ratio  # noqa: PLC0415 - imports torchvision: seconds

    return float(peak_signal_noise_ratio(torch.from_numpy(sr), torch.from_numpy(hr), data_range=255.0))


def ssim(sr: np.ndarray, hr: np.ndarray) -> float:
    """Structural similarity (Wang et al. 2004, section III.C), averaged over channels.

    11 x 11 Gaussian window of sigma 1.5, biased covariances, whole windows only: the mean leaves out 5 pixels on every
    side. torchmetrics averages over windows that reach into its padding too.

    Args:
        sr: (C, H, W), in 0..255.
        hr: like `sr`.

    Returns:
        At most 1, for equal images.

    Raises:
        ValueError: a side is below 11.
    """
    if min(sr.shape[-2:]) < SSIM_WINDOW:
        raise ValueError(f"SSIM needs sides of at least {SSIM_WINDOW}, not {sr.shape[-2:]}")
    return float(
        structural_similarity(
            sr, hr, channel_axis=0, data_range=255.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
        )
    )
