"""Evaluation protocols: the colour, border and rounding by which a result is measured. Every number names its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from srlab.errors import SrlabError, nearest
from srlab.imaging.color import luma
from srlab.imaging.crop import crop_border
from srlab.imaging.files import to_tensor
from srlab.metrics.metric import DEFAULT, PSNR, Compared, Meter, Quality
from srlab.metrics.quality import SSIM_WINDOW


@dataclass(frozen=True)
class Protocol:
    """What a method sees of an image, and how its result is measured.

    Attributes:
        name: as `protocol` names it.
        method_sees: "image": an 8-bit LR image, RGB or grey. "luma": Y, degraded in floating point and not rounded.
        measured: "luma": Y of the result and of the reference, after RGB is rounded to 8 bits. "image": all channels.
        extra_crop_border: pixels that are cropped on every side in addition to the scale.
    """

    name: str
    method_sees: Literal["image", "luma"]
    measured: Literal["image", "luma"]
    extra_crop_border: int = 0

    def crop_border(self, scale: int) -> int:
        """Returns how many pixels are cropped on every side before measuring."""
        return scale + self.extra_crop_border

    def reference(self, hr: np.ndarray) -> np.ndarray:
        """Returns what a perfect method would return: uint8 (H, W, 3), or (H, W) if the method sees one channel."""
        if self.method_sees == "image" or hr.ndim == 2:
            return hr
        y = luma(to_tensor(hr).double()) * 255
        return (y[0, 0] + 0.5).floor().to(torch.uint8).numpy()

    def degraded(self, hr: np.ndarray) -> np.ndarray:
        """Returns what a degradation is applied to: the 8-bit image itself or, if the method sees luma, Y.

        Args:
            hr: uint8, (H, W) or (H, W, 3).

        Returns:
            uint8 like `hr`; or Y as (H, W) float64 in [0, 1], whose LR image is not rounded.
        """
        if self.method_sees == "image":
            return hr
        return to_tensor(self.reference(hr)).double()[0, 0].numpy()

    def measure(self, sr: np.ndarray, hr: np.ndarray, scale: int, meters: Sequence[Meter] = DEFAULT) -> Quality:
        """Measures one image.

        Args:
            sr: the result, uint8 (H, W) or (H, W, 3).
            hr: the reference, as `reference` gives it.
            scale: decides the border.
            meters: what to measure; PSNR and SSIM by default.

        Raises:
            ValueError: the shapes differ.
            SrlabError: the image is too small.
        """
        pair = self._compared(sr, hr, scale)
        return Quality({meter.metric.name: meter.measure(pair) for meter in meters})

    def psnr(self, sr: np.ndarray, hr: np.ndarray, scale: int) -> float:
        """Measures PSNR alone, which is faster; arguments as of `measure`."""
        return PSNR.measure(self._compared(sr, hr, scale))

    def check_size(self, hr: np.ndarray, scale: int) -> None:
        """Raises SrlabError if the image has no room for an SSIM window within the border."""
        least = 2 * self.crop_border(scale) + SSIM_WINDOW
        if min(hr.shape[:2]) < least:
            size = f"{hr.shape[1]}x{hr.shape[0]}"
            raise SrlabError(f"protocol {self.name} at x{scale} needs images of at least {least}x{least}, not {size}.")

    def _compared(self, sr: np.ndarray, hr: np.ndarray, scale: int) -> Compared:
        """Crops the border of both."""
        if sr.shape != hr.shape:
            raise ValueError(f"the result is {sr.shape}, but the reference is {hr.shape}")
        self.check_size(hr, scale)
        border = self.crop_border(scale)
        return Compared(crop_border(sr, border), crop_border(hr, border), self.measured)


PROTOCOLS = {
    p.name: p
    for p in (
        Protocol("classic", method_sees="luma", measured="luma"),  # SRCNN, VDSR, and bicubic rows in print
        Protocol("luma", method_sees="image", measured="luma"),  # EDSR and after
        Protocol("rgb", method_sees="image", measured="image"),
        Protocol("div2k", method_sees="image", measured="image", extra_crop_border=6),  # EDSR's own table
    )
}


def protocol(name: str) -> Protocol:
    """Returns the protocol of a name. Raises SrlabError for an unknown one."""
    if name not in PROTOCOLS:
        raise SrlabError(f"protocol={name}: not a protocol ({', '.join(PROTOCOLS)}).{nearest(name, PROTOCOLS)}")
    return PROTOCOLS[name]
