"""Reading and writing image files as 8-bit grey (H, W) or RGB (H, W, 3) arrays, and conversion to tensors."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from srlab.atomic_write import atomic_write
from srlab.imaging.folders import check_not_waiting
from srlab.imaging.opening import opened
from srlab.imaging.orientation import UPRIGHT, orientation_of, upright, upright_size
from srlab.imaging.values import is_deep, is_grey, to_8_bit


def read_image(path: Path) -> np.ndarray:
    """Reads an image file as uint8: (H, W) if it is grey, else (H, W, 3). Alpha is dropped.

    The image is upright, as the EXIF of its file says. Of 16 bits, 65535 becomes 255.

    Raises:
        SrlabError: the file is missing, cannot be decoded completely, holds several images, or does not say which of
            its values is white.
    """
    check_not_waiting(path)
    with opened(path) as image:
        orientation = orientation_of(image, path)
        return upright(to_8_bit(image, path), image, orientation)


class ImageHeader(NamedTuple):
    """What the header of an image file says.

    Attributes:
        height: in pixels, when upright.
        width: see `height`.
        is_grey: whether `read_image` returns one channel.
        is_8_bit: whether `read_image` returns the values of the file, which may have 16 bits.
        has_alpha: whether it has an alpha channel or a transparent colour.
        is_turned: whether `read_image` turns it upright.
    """

    height: int
    width: int
    is_grey: bool
    is_8_bit: bool
    has_alpha: bool
    is_turned: bool


def image_size(path: Path) -> tuple[int, int]:
    """Returns (height, width), from the file's header alone. Raises SrlabError if it cannot be read."""
    header = image_header(path)
    return header.height, header.width


def image_header(path: Path) -> ImageHeader:
    """Reads a file's header alone.

    Raises:
        SrlabError: it cannot be read, or the file holds several images. What its values mean is not looked at.
    """
    check_not_waiting(path)
    with opened(path) as image:
        orientation = orientation_of(image, path)
        height, width = upright_size(image, orientation)
        alpha, turned = bool(image.has_transparency_data), orientation != UPRIGHT
        return ImageHeader(height, width, is_grey(image), not is_deep(image), alpha, turned)


def write_png(path: Path, image: np.ndarray) -> None:
    """Writes a uint8 (H, W) or (H, W, 3) array and makes the folder. The file appears complete or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as partial:
        Image.fromarray(image).save(partial, format="PNG")


def to_tensor(image: np.ndarray) -> Tensor:
    """Converts (H, W) or (H, W, 3), uint8 or floating point in [0, 1], to float32 (1, 1 or 3, H, W) in [0, 1]."""
    planes = image[None] if image.ndim == 2 else image.transpose(2, 0, 1)
    tensor = torch.from_numpy(np.require(planes, requirements=["C", "W"]))[None].to(torch.float32)
    return tensor / 255 if image.dtype == np.uint8 else tensor


def to_array(image: Tensor) -> np.ndarray:
    """Converts float (1, 1 or 3, H, W) in [0, 1] to uint8 (H, W) or (H, W, 3), clipped and rounded half up."""
    return _channels_last((image.detach().cpu().double() * 255 + 0.5).floor().clamp(0, 255).to(torch.uint8))


def to_truncated_array(image: Tensor) -> np.ndarray:
    """As `to_array`, but rounded down, in single precision: what PyTorch's `image.mul(255).byte()` gives."""
    return _channels_last((image.detach().cpu().float() * 255).clamp(0, 255).to(torch.uint8))


def to_exact_array(image: Tensor) -> np.ndarray:
    """Converts float (1, 1 or 3, H, W) to float32 (H, W) or (H, W, 3) with the same values."""
    return _channels_last(image.detach().cpu().float())


def as_8_bit(image: np.ndarray) -> np.ndarray:
    """Returns an image of uint8 as it is, and one of floating point in [0, 1] as uint8, clipped and rounded half up."""
    return image if image.dtype == np.uint8 else to_array(to_tensor(image))


def _channels_last(image: Tensor) -> np.ndarray:
    planes = image[0].numpy()
    return np.ascontiguousarray(planes[0] if planes.shape[0] == 1 else planes.transpose(1, 2, 0))
