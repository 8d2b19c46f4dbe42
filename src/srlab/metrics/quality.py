"""PSNR and SSIM of one image, (C, H, W) float64 arrays of values in 0..255."""

import numpy as np
import torch
from scipy.ndimage import correlate1d
from torchmetrics.functional.image import peak_signal_noise_ratio

SSIM_WINDOW = 11
_OFFSETS = np.arange(SSIM_WINDOW) - SSIM_WINDOW // 2
_GAUSSIAN = np.exp(-(_OFFSETS**2) / (2 * 1.5**2))
_GAUSSIAN /= _GAUSSIAN.sum()
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def psnr(sr: np.ndarray, hr: np.ndarray) -> float:
    """10 log10(255^2 / MSE); infinite for equal images."""
    if np.array_equal(sr, hr):
        return float("inf")
    return float(peak_signal_noise_ratio(torch.from_numpy(sr), torch.from_numpy(hr), data_range=255.0))


def ssim(sr: np.ndarray, hr: np.ndarray) -> float:
    """Structural similarity (Wang et al. 2004, section III.C), averaged over channels.

    11 x 11 Gaussian window of sigma 1.5, biased covariances, whole windows only. torchmetrics averages over windows
    that reach into its padding too; its full map, cropped by 5, equals this one but takes 20 times as long, because
    its window is not separated. Raises ValueError for a side below 11.
    """
    if min(sr.shape[-2:]) < SSIM_WINDOW:
        raise ValueError(f"SSIM needs sides of at least {SSIM_WINDOW}, not {sr.shape[-2:]}")
    mean_sr, mean_hr = _windowed(sr), _windowed(hr)
    variances = _windowed(sr * sr) - mean_sr**2 + _windowed(hr * hr) - mean_hr**2
    covariance = _windowed(sr * hr) - mean_sr * mean_hr
    luminance = (2 * mean_sr * mean_hr + _C1) / (mean_sr**2 + mean_hr**2 + _C1)
    return float((luminance * (2 * covariance + _C2) / (variances + _C2)).mean())


def _windowed(planes: np.ndarray) -> np.ndarray:
    """The weighted mean of every whole window: (C, H, W) -> (C, H - 10, W - 10)."""
    half = SSIM_WINDOW // 2
    rows = correlate1d(planes, _GAUSSIAN, axis=-2)[..., half:-half, :]
    return correlate1d(rows, _GAUSSIAN, axis=-1)[..., half:-half]
