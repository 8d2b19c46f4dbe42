"""Images in memory through a network, answered in kind: an array for an array, a tensor for a tensor, a PIL image too.

Values of 8 and 16 bits are rounded half up; values of floating point are not rounded.
"""

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from srlab.errors import SrlabError
from srlab.inference.upscaler import Upscaler

LARGEST = {torch.uint8: 255, torch.uint16: 65535}  # the value that is 1; floating point has 1 itself
OVERSHOOT = 0.5  # by which values of floating point may leave [0, 1], as interpolation makes them; they are clipped
WITH_ALPHA = ("LA", "La", "PA", "RGBA", "RGBa")
GREY_MODES = ("1", "L", "LA", "La")
SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N")


def target_size(
    height: int, width: int, scale: float | None, size: tuple[int, int] | None, label: str
) -> tuple[int, int]:
    """Returns (height, width) of a result.

    Args:
        height: of the image, in pixels.
        width: see `height`.
        scale: by which both sides grow, rounded to whole pixels; None where `size` says it.
        size: (width, height) of the result, in the order of PIL's; None where `scale` says it.
        label: of the network, for the error.

    Raises:
        SrlabError: both are given, or none, or one is not positive.
    """
    if (scale is None) == (size is None):
        given = "neither is given" if scale is None else "both are given"
        raise SrlabError(f"{label}: scale= or size=(width, height) says how large the result is; {given}.")
    if size is not None:
        if len(size) != 2 or not all(isinstance(side, int) and side > 0 for side in size):
            raise SrlabError(f"size={size}: expected (width, height), two whole numbers above 0.")
        return size[1], size[0]
    assert scale is not None
    if not 0 < scale < float("inf"):
        raise SrlabError(f"scale={scale}: expected a number above 0.")
    return max(1, round(height * scale)), max(1, round(width * scale))


def enlarged_tensor(upscaler: Upscaler, lr: Tensor, height: int, width: int) -> Tensor:
    """Super-resolves a batch.

    Args:
        upscaler: the network.
        lr: (N, 1 or 3, h, w); uint8, uint16, or floating point in [0, 1].
        height: of the result, in pixels.
        width: see `height`.

    Returns:
        (N, the same channels, height, width), of the same type and on the same device.

    Raises:
        SrlabError: another shape or type, or values outside of their range.
    """
    if lr.dim() != 4 or lr.shape[1] not in (1, 3) or 0 in lr.shape:
        raise SrlabError(f"a tensor of shape {tuple(lr.shape)}: expected (N, 1 or 3, height, width), none of them 0.")
    _check_values(lr)
    integral = _integral_scale(upscaler, lr.shape[-2:], (height, width))
    if integral is not None and lr.is_floating_point():  # all images of the batch at once
        sr = upscaler.tensor(lr.detach().float().clamp(0, 1), integral)
        return sr.to(lr.device, lr.dtype)
    result = torch.empty((*lr.shape[:2], height, width), dtype=lr.dtype, device=lr.device)
    for image, out in zip(lr.detach(), result, strict=True):
        top = 0
        for band in upscaler.bands(_Rows(image[None]), height, width):
            out[:, top : top + band.shape[2]] = _as_type(band[0], lr.dtype).to(lr.device)
            top += band.shape[2]
    return result


def enlarged_array(upscaler: Upscaler, lr: np.ndarray, height: int, width: int) -> np.ndarray:
    """Super-resolves an image.

    Args:
        upscaler: the network.
        lr: (h, w), or (h, w, 1 or 3) in RGB; uint8, uint16, or floating point in [0, 1].
        height: of the result, in pixels.
        width: see `height`.

    Returns:
        (height, width), or (height, width, the same channels), of the same type.

    Raises:
        SrlabError: another shape or type, or values outside of their range.
    """
    if lr.ndim not in (2, 3) or 0 in lr.shape or (lr.ndim == 3 and lr.shape[2] not in (1, 3)):
        hint = " For alpha, pass a PIL image." if lr.ndim == 3 and lr.shape[2] in (2, 4) else ""
        raise SrlabError(f"an array of shape {lr.shape}: expected (height, width) or (height, width, 3).{hint}")
    if lr.dtype not in (np.uint8, np.uint16, np.float16, np.float32, np.float64):
        raise SrlabError(f"an array of {lr.dtype}: expected uint8, uint16, or floating point in [0, 1].")
    planes = lr[None] if lr.ndim == 2 else lr.transpose(2, 0, 1)
    planes = np.require(planes.astype(lr.dtype.newbyteorder("="), copy=False), requirements=["C", "W"])
    sr = enlarged_tensor(upscaler, torch.from_numpy(planes)[None], height, width)[0].numpy()
    return np.ascontiguousarray(sr[0] if lr.ndim == 2 else sr.transpose(1, 2, 0))


def enlarged_image(upscaler: Upscaler, lr: Image.Image, height: int, width: int) -> Image.Image:
    """Super-resolves a PIL image.

    Alpha goes through the network too, and colours are weighted by it meanwhile, so that what is behind transparent
    pixels does not show at edges. The colour profile goes along.

    Args:
        upscaler: the network.
        lr: of any mode but I and F. Of several frames, the current one is taken.
        height: of the result, in pixels.
        width: see `height`.

    Returns:
        An image of the same mode, except that 1 becomes L, and P, CMYK, YCbCr, LAB and HSV become RGB (with alpha:
        RGBA).

    Raises:
        SrlabError: an image of mode I or F, whose range nothing says.
    """
    if lr.mode in SIXTEEN_BITS:
        wide = enlarged_array(upscaler, np.asarray(lr).astype(np.uint16), height, width)
        result = Image.fromarray(wide)
    elif lr.mode in ("I", "F"):
        raise SrlabError(
            f"an image of mode {lr.mode}: nothing says which value is white. Pass an array of uint16, or of "
            f"floating point in [0, 1]."
        )
    elif lr.mode in WITH_ALPHA or lr.has_transparency_data:
        result = _with_alpha(upscaler, lr, height, width)
    else:
        result = Image.fromarray(
            enlarged_array(upscaler, np.asarray(lr.convert("L" if lr.mode in GREY_MODES else "RGB")), height, width)
        )
    if "icc_profile" in lr.info and lr.mode != "CMYK":
        result.info["icc_profile"] = lr.info["icc_profile"]
    return result


def _with_alpha(upscaler: Upscaler, lr: Image.Image, height: int, width: int) -> Image.Image:
    grey = lr.mode in GREY_MODES
    *colours, alpha = lr.convert("LA" if grey else "RGBA").split()
    weight = np.asarray(alpha, np.float32) / 255
    stacked = np.dstack([np.asarray(plane, np.float32) / 255 * weight for plane in colours])
    if (weight == weight.flat[0]).all():  # one opacity everywhere: the colours themselves, exactly
        stacked = np.dstack([np.asarray(plane, np.float32) / 255 for plane in colours])
        opacity = np.full((height, width), weight.flat[0])
        sr = enlarged_array(upscaler, stacked, height, width)
    else:
        opacity = enlarged_array(upscaler, weight, height, width)
        sr = enlarged_array(upscaler, stacked, height, width) / np.maximum(opacity, 1 / 510)[..., None]
    planes = np.dstack([sr, opacity])
    return Image.fromarray(np.floor(planes.clip(0, 1) * 255 + 0.5).astype(np.uint8), "LA" if grey else "RGBA")


def _integral_scale(upscaler: Upscaler, before: torch.Size, after: tuple[int, int]) -> int | None:
    """The whole number by which both sides grow, where the network has it."""
    scale = after[0] // before[0]
    exact = scale >= 1 and after == (before[0] * scale, before[1] * scale)
    return scale if exact and (upscaler.scales is None or scale in upscaler.scales) else None


class _Rows:
    """A `Source` over an image in memory."""

    def __init__(self, image: Tensor) -> None:
        self.image = image
        self.channels, self.height, self.width = image.shape[1:]

    def rows(self, top: int, bottom: int) -> Tensor:
        part = self.image[..., top:bottom, :]
        largest = LARGEST.get(part.dtype)
        return part.float().clamp(0, 1) if largest is None else part.float() / largest


def _check_values(image: Tensor) -> None:
    if image.dtype in LARGEST:
        return
    if not image.is_floating_point():
        raise SrlabError(f"values of {image.dtype}: expected uint8, uint16, or floating point in [0, 1].")
    low, high = (float(value) for value in image.detach().aminmax())
    if not (low >= -OVERSHOOT and high <= 1 + OVERSHOOT):  # NaN is neither
        raise SrlabError(
            f"floating point from {low:g} to {high:g}: expected finite values in [0, 1]. Divide by the largest value "
            f"that the image could have, such as 255, or pass uint8."
        )


def _as_type(band: Tensor, dtype: torch.dtype) -> Tensor:
    """Values in [0, 1] as another type: rounded half up for whole numbers."""
    largest = LARGEST.get(dtype)
    return band.to(dtype) if largest is None else (band.double() * largest + 0.5).floor().to(dtype)
