"""What the first bytes of an upload say: whether it is an image, and how large. No pixel is decoded here."""

import warnings
from importlib.util import find_spec
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from srlab.errors import SrlabError
from srlab.web.limits import MEGA

# Pillow's names. Formats that start other programs (EPS) or hold no photos are left out.
FORMATS: tuple[str, ...] = ("PNG", "JPEG", "WEBP", "AVIF", "TIFF", "BMP", "GIF")
SHOWN = "PNG, JPEG, WebP, AVIF, TIFF, BMP or GIF"
if find_spec("pillow_heif") is not None:  # of the extra "photos"
    import pillow_heif

    pillow_heif.register_heif_opener()
    FORMATS, SHOWN = (*FORMATS, "HEIF"), f"HEIC, {SHOWN}"


class TooManyPixels(SrlabError):
    """An image that is larger than the page accepts."""


def open_photo(file: BinaryIO) -> Image.Image:
    """Opens an image without decoding it.

    Raises:
        SrlabError: it is no image, of another format, or damaged at its beginning.
    """
    file.seek(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own on many pixels: `check_photo` has a limit below it
            return Image.open(file, formats=FORMATS)
    except Image.DecompressionBombError:
        raise TooManyPixels("This image claims to have far more pixels than the page takes.") from None
    except UnidentifiedImageError:
        raise SrlabError(f"This file is not an image. Choose a photo in {SHOWN}.") from None
    except Exception as error:  # damaged files lead decoders to any error
        said = " ".join(str(error).split()) or type(error).__name__
        raise SrlabError(f"This image is damaged and cannot be read ({said}).") from None


def check_photo(file: BinaryIO, pixels: int) -> tuple[int, int]:
    """Checks that a file is an image of a size that the page takes.

    Args:
        file: the upload; read from its beginning.
        pixels: that an image may have at most.

    Returns:
        (width, height), as stored: an orientation tag may swap them.

    Raises:
        TooManyPixels: it has more pixels.
        SrlabError: see `open_photo`.
    """
    with open_photo(file) as image:
        width, height = image.size
    if width * height > pixels:
        raise TooManyPixels(
            f"This photo has {width} × {height} pixels, {width * height / MEGA:.1f} megapixels. "
            f"The page takes up to {pixels / MEGA:g} megapixels."
        )
    return width, height
