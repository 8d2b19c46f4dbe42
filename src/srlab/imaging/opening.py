"""Opens an image file by Pillow: of the kinds that data sets have, one image a file, and errors of one line."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from srlab.errors import SrlabError
from srlab.imaging.values import unknown_tiff

# Pillow's names. It goes by the content of a file, and knows kinds that start other programs, as EPS does.
FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "PPM", "GIF")
ONE_PHOTO = "MPO"  # a JPEG of a camera whose further images are previews, depths or views of the first
LONGEST = 300  # characters of a reason that a decoder gives
# Pixels that a file may claim whatever its size, and those for each of its bytes above that: no photo packs so well,
# and a damaged header must not make a file of a kilobyte take a gigabyte.
UNSUSPICIOUS, PACKED = 2**24, 1024

# Pillow warns of damaged metadata and of many pixels, in two lines without the file's name. What matters is an error.
warnings.filterwarnings("ignore", module=r"PIL\.")


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """Opens an image file, and decodes nothing yet. What Pillow raises in the block becomes one line, too.

    Args:
        path: of the file.

    Raises:
        SrlabError: it is missing, of another kind, damaged, animated, or has several pages.
    """
    try:
        with Image.open(path, formats=FORMATS) as image:
            _check_size(image, path)
            _check_single(image, path)
            yield image
    except SrlabError:
        raise
    except FileNotFoundError:
        raise SrlabError(f"{path}: no such image.") from None
    except UnidentifiedImageError as error:
        if (numbers := unknown_tiff(path)) is not None:
            raise numbers from None
        raise not_decoded(path, f"not an image of the kinds {', '.join(FORMATS)}, or damaged") from error
    except Exception as error:  # damaged files lead decoders to any error: of struct, zlib, an index, a division
        raise not_decoded(path, error) from error


def not_decoded(path: Path, reason: object) -> SrlabError:
    """Returns the error of a file that cannot be decoded. reason: what the decoder said, of any form."""
    if isinstance(reason, OSError) and reason.strerror:
        reason = reason.strerror
    said = " ".join(str(reason).split())[:LONGEST] or type(reason).__name__
    return SrlabError(f"{path}: cannot be decoded ({said}). Replace or remove it.")


def _check_size(image: Image.Image, path: Path) -> None:
    size = path.stat().st_size
    if image.width * image.height > max(UNSUSPICIOUS, PACKED * size):
        raise not_decoded(path, f"its header claims {image.width}x{image.height} pixels, in {size} bytes")


def _check_single(image: Image.Image, path: Path) -> None:
    if image.format == ONE_PHOTO or not getattr(image, "is_animated", False):
        return
    if image.format == "TIFF":
        raise SrlabError(f"{path}: holds several pages; expected one image. Save each page as a file of its own.")
    raise SrlabError(f"{path}: is animated; expected a still image. Save its frames as images first.")
