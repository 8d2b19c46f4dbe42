"""ITU-R BT.601 colour in studio range, as MATLAB's rgb2ycbcr: what "Y" means in every super-resolution table.

OpenCV's and kornia's YCbCr are full range, which gives about 1.3 dB less PSNR; they must not be used for measuring.
"""

import torch
from torch import Tensor

_TO_YCBCR = ((65.481, 128.553, 24.966), (-37.797, -74.203, 112.0), (112.0, -93.786, -18.214))
_OFFSET = (16.0, 128.0, 128.0)


def rgb_to_ycbcr(rgb: Tensor) -> Tensor:
    """(N, 3, H, W) in [0, 1] -> the same shape; Y in [16, 235] / 255, Cb and Cr in [16, 240] / 255. Not rounded."""
    matrix = torch.tensor(_TO_YCBCR, dtype=rgb.dtype, device=rgb.device) / 255
    offset = torch.tensor(_OFFSET, dtype=rgb.dtype, device=rgb.device).reshape(1, 3, 1, 1) / 255
    return torch.einsum("dc,nchw->ndhw", matrix, rgb) + offset


def ycbcr_to_rgb(ycbcr: Tensor) -> Tensor:
    """The inverse of rgb_to_ycbcr; not clipped."""
    matrix = torch.linalg.inv(torch.tensor(_TO_YCBCR, dtype=torch.float64) / 255)
    offset = torch.tensor(_OFFSET, dtype=ycbcr.dtype, device=ycbcr.device).reshape(1, 3, 1, 1) / 255
    return torch.einsum("dc,nchw->ndhw", matrix.to(ycbcr), ycbcr - offset)


def luma(image: Tensor) -> Tensor:
    """(N, 1 or 3, H, W) in [0, 1] -> (N, 1, H, W). RGB gives its Y; one channel is taken as it is, never rescaled.

    A grey image replicated to RGB would lose range (its Y is 219/255 of it), which on Set14's `bridge` alone moves the
    average by 0.09 dB.
    """
    return image if image.shape[1] == 1 else rgb_to_ycbcr(image)[:, :1]
