"""ITU-R BT.601 colour in studio range, as MATLAB's rgb2ycbcr: the "Y" of super-resolution tables.

OpenCV's and kornia's YCbCr are full range, which gives about 1.3 dB less PSNR; they must not be used for measuring.
"""

import torch
from torch import Tensor

_TO_YCBCR = ((65.481, 128.553, 24.966), (-37.797, -74.203, 112.0), (112.0, -93.786, -18.214))
_OFFSET = (16.0, 128.0, 128.0)


def rgb_to_ycbcr(rgb: Tensor) -> Tensor:
    """Converts (N, 3, H, W) RGB in [0, 1] to Y in [16, 235] / 255 and Cb and Cr in [16, 240] / 255, not rounded."""
    matrix = torch.tensor(_TO_YCBCR, dtype=rgb.dtype, device=rgb.device) / 255
    offset = torch.tensor(_OFFSET, dtype=rgb.dtype, device=rgb.device).reshape(1, 3, 1, 1) / 255
    return torch.einsum("dc,nchw->ndhw", matrix, rgb) + offset


def ycbcr_to_rgb(ycbcr: Tensor) -> Tensor:
    """Inverts rgb_to_ycbcr; the result is not clipped."""
    matrix = torch.linalg.inv(torch.tensor(_TO_YCBCR, dtype=torch.float64) / 255)
    offset = torch.tensor(_OFFSET, dtype=ycbcr.dtype, device=ycbcr.device).reshape(1, 3, 1, 1) / 255
    return torch.einsum("dc,nchw->ndhw", matrix.to(ycbcr), ycbcr - offset)


def luma(image: Tensor) -> Tensor:
    """Returns Y of an RGB image, and a grey image as it is.

    Replicated to RGB, a grey image has a Y of 219/255 of the range and 1.32 dB more; `metrics.protocol` says which
    protocols replicate it.

    Args:
        image: (N, 1 or 3, H, W) in [0, 1].

    Returns:
        (N, 1, H, W).
    """
    return image if image.shape[1] == 1 else rgb_to_ycbcr(image)[:, :1]
