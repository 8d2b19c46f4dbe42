"""Evaluation protocols: the colour, border and rounding by which a result is measured. Every number names its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from srlab.errors import SrlabError, nearest
from srlab.imaging.color import luma
from srlab.imaging.crop import crop_border
from srlab.imaging.files import to_array, to_exact_array, to_tensor, to_truncated_array
from srlab.metrics.metric import DEFAULT, PSNR, Compared, Meter, Quality
from srlab.metrics.quality import SSIM_WINDOW


@dataclass(frozen=True)
class Protocol:
    """What a method sees of an image, and how its result is measured.

    Attributes:
        name: as `protocol` names it.
        method_sees: "image": the LR image, RGB or grey. "luma": Y of it, rounded to 8 bits before it is degraded.
        measured: "luma": Y of the result and of the reference. "image": all channels.
        extra_crop_border: pixels that are cropped on every side in addition to the scale.
        rounds_lr: whether the LR image has 8 bits, as a file has; else it is made in floating point and not rounded.
        result_is: how a method's result becomes 8 bits before it is measured: "rounded", "truncated" (rounded down), or
            "exact", which leaves it as it is.
        rounds_luma: whether Y of the result and of the reference is rounded to 8 bits.
        replicates_grey: whether a grey image becomes RGB before anything is done with it. Its Y then has 219/255 of
            the range, which is worth 1.32 dB: 0.09 dB in the mean of Set14, where one image is grey.
    """

    name: str
    method_sees: Literal["image", "luma"]
    measured: Literal["image", "luma"]
    extra_crop_border: int = 0
    rounds_lr: bool = True
    result_is: Literal["rounded", "truncated", "exact"] = "rounded"
    rounds_luma: bool = False
    replicates_grey: bool = False

    @property
    def uses_lr_files(self) -> bool:
        """Whether LR files of a set are used where they are there: they hold RGB of 8 bits."""
        return self.method_sees == "image" and self.rounds_lr

    def crop_border(self, scale: int) -> int:
        """Returns how many pixels are cropped on every side before measuring."""
        return scale + self.extra_crop_border

    def reference(self, hr: np.ndarray) -> np.ndarray:
        """Returns what a perfect method would return: uint8 (H, W, 3), or (H, W) if the method sees one channel."""
        if hr.ndim == 2:
            return np.repeat(hr[..., None], 3, axis=2) if self.replicates_grey else hr
        if self.method_sees == "image":
            return hr
        y = luma(to_tensor(hr).double()) * 255
        return (y[0, 0] + 0.5).floor().to(torch.uint8).numpy()

    def degraded(self, hr: np.ndarray) -> np.ndarray:
        """Returns what a degradation is applied to: the reference, in the type that decides whether LR is rounded.

        Args:
            hr: uint8, (H, W) or (H, W, 3).

        Returns:
            (H, W) or (H, W, 3), uint8; or float64 in [0, 1], whose LR image is not rounded.
        """
        reference = self.reference(hr)
        return reference if self.rounds_lr else to_exact_array(to_tensor(reference)).astype(np.float64)

    def result(self, sr: Tensor) -> np.ndarray:
        """Returns what is measured of a method's result.

        Args:
            sr: (1, 1 or 3, H, W), float, in [0, 1].

        Returns:
            (H, W) or (H, W, 3), uint8; or float32 in [0, 1] where the protocol does not round.
        """
        convert = {"rounded": to_array, "truncated": to_truncated_array, "exact": to_exact_array}
        return convert[self.result_is](sr)

    def measure(self, sr: np.ndarray, hr: np.ndarray, scale: int, meters: Sequence[Meter] = DEFAULT) -> Quality:
        """Measures one image.

        Args:
            sr: the result, as `result` gives it: (H, W) or (H, W, 3), uint8 or floating point in [0, 1].
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
        return Compared(crop_border(sr, border), crop_border(hr, border), self.measured, self.rounds_luma)


PROTOCOLS = {
    p.name: p
    for p in (
        # SRCNN, VDSR, and bicubic rows in print
        Protocol("classic", method_sees="luma", measured="luma", rounds_lr=False),
        # EDSR and after
        Protocol("luma", method_sees="image", measured="luma"),
        # RDN, RCAN, SAN and SRFBN
        Protocol("luma_replicated", method_sees="image", measured="luma", replicates_grey=True),
        Protocol("rgb", method_sees="image", measured="image"),
        # EDSR's own table
        Protocol("div2k", method_sees="image", measured="image", extra_crop_border=6),
        # LapSRN's program: RGB in double precision, of which networks see Y; im2uint8 of the result; Y not rounded
        Protocol("lapsrn", method_sees="image", measured="luma", rounds_lr=False),
        # SRMD's program: neither the LR image nor the result is rounded
        Protocol("srmd", method_sees="image", measured="luma", rounds_lr=False, result_is="exact"),
        # CARN's program saves images by `.byte()`; Y of them is that of MATLAB's uint8
        Protocol(
            "carn", method_sees="image", measured="luma", result_is="truncated", rounds_luma=True, replicates_grey=True
        ),
    )
}


def protocol(name: str) -> Protocol:
    """Returns the protocol of a name. Raises SrlabError for an unknown one."""
    if name not in PROTOCOLS:
        raise SrlabError(f"protocol={name}: not a protocol ({', '.join(PROTOCOLS)}).{nearest(name, PROTOCOLS)}")
    return PROTOCOLS[name]
