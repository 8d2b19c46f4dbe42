"""Reading and writing image files as 8-bit grey (H, W) or RGB (H, W, 3) arrays, and conversion to tensors."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from srlab.atomic_write import atomic_write
from srlab.errors import SrlabError

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm")
_GREY_MODES = ("L", "1", "LA")


def list_images(folder: Path, recursive: bool = False) -> list[Path]:
    """Lists the image files of a folder.

    Args:
        folder: where to look.
        recursive: whether to look in its subfolders too; see `images_below`.

    Returns:
        Their paths, sorted.

    Raises:
        SrlabError: there is no such folder, or no image in it.
    """
    if not folder.is_dir():
        raise SrlabError(f"{folder}: no such folder. Expected a folder of images ({', '.join(SUFFIXES)}).")
    files = sorted(images_below(folder) if recursive else filter(_is_image, folder.iterdir()))
    if not files:
        raise SrlabError(f"{folder}: no images. Expected files that end in {', '.join(SUFFIXES)}.")
    return files


def images_below(folder: Path) -> Iterator[Path]:
    """Yields the image files of a folder and of its subfolders, links and hidden ones and LR_... left out."""
    for path in folder.iterdir():
        if _is_image(path) and path.is_file():
            yield path
    for subfolder in subfolders(folder):
        yield from images_below(subfolder)


def subfolders(folder: Path) -> list[Path]:
    """Returns the folders in which `images_below` looks, sorted."""
    skipped = (".", "LR_")
    inside = (path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())
    return sorted(path for path in inside if not path.name.upper().startswith(skipped))


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES


def _to_8_bit(image: Image.Image) -> np.ndarray:
    if image.mode.startswith("I"):  # 16-bit grey; 65535 becomes 255
        return np.rint(np.asarray(image, dtype=np.float64) / 257).clip(0, 255).astype(np.uint8)
    return np.asarray(image.convert("L" if image.mode in _GREY_MODES else "RGB"))


def read_image(path: Path) -> np.ndarray:
    """Reads an image file as uint8: (H, W) if it is grey, else (H, W, 3). Alpha is dropped.

    Raises:
        SrlabError: the file is missing, or cannot be decoded completely.
    """
    try:
        with Image.open(path) as image:
            return _to_8_bit(image)
    except FileNotFoundError:
        raise SrlabError(f"{path}: no such image.") from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        reason = "not an image that Pillow knows" if isinstance(error, UnidentifiedImageError) else error
        raise SrlabError(f"{path}: cannot be decoded ({reason}). Replace or remove it.") from error


class ImageHeader(NamedTuple):
    """What the header of an image file says.

    Attributes:
        height: in pixels.
        width: in pixels.
        is_grey: whether `read_image` returns one channel.
        is_8_bit: whether `read_image` returns the values of the file, which may have 16 bits.
    """

    height: int
    width: int
    is_grey: bool
    is_8_bit: bool


def image_size(path: Path) -> tuple[int, int]:
    """Returns (height, width), from the file's header alone. Raises SrlabError if it cannot be read."""
    header = image_header(path)
    return header.height, header.width


def image_header(path: Path) -> ImageHeader:
    """Reads a file's header alone. Raises SrlabError if it cannot be read."""
    try:
        with Image.open(path) as image:
            # Pillow opens 16-bit RGB as RGB; only how the file stores it, such as RGB;16B, tells.
            wide = image.mode.startswith(("I", "F")) or any(";16" in str(tile[3]) for tile in image.tile)
            return ImageHeader(image.height, image.width, image.mode in _GREY_MODES or wide, not wide)
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise SrlabError(f"{path}: cannot be decoded ({error}). Replace or remove it.") from error


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
