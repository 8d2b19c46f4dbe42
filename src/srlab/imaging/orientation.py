"""How a camera was held: the orientation of EXIF, by one rule for all kinds of files.

It is read where the kind of file has its EXIF: JPEG in APP1, PNG in the chunk eXIf, WebP in the chunk EXIF, TIFF among
its own tags. XMP and text of other programs that repeat it are not asked.
"""

import struct
from pathlib import Path

import numpy as np
from PIL import Image

TAG, WIDTH, LENGTH = 0x0112, 0x0100, 0x0101
UPRIGHT, LARGEST = 1, 8
SWAPPED = 5  # orientations from there on exchange the sides
_ELSEWHERE = ("xmp", "XML:com.adobe.xmp", "Raw profile type exif")  # where Pillow would look, too


def orientation_of(image: Image.Image, path: Path) -> int:
    """Returns the orientation of an opened image that is not decoded yet, 1 to 8; 1 where none can be understood.

    Args:
        image: of Pillow, opened from the path.
        path: of the file.
    """
    if image.format == "TIFF":
        for name in _ELSEWHERE:  # Pillow turns TIFF files itself, when it decodes them
            image.info.pop(name, None)
        return _valid(image.tag_v2.get(TAG))  # type: ignore[attr-defined]
    exif = image.info.get("exif") or (_png_exif(path) if image.format == "PNG" else None)
    return _of_exif(exif) if isinstance(exif, bytes) else UPRIGHT


def upright_size(image: Image.Image, orientation: int) -> tuple[int, int]:
    """Returns (height, width) of the upright image, from the header."""
    width, height = image.size
    if image.format == "TIFF":  # some versions of Pillow exchange the sides of TIFF files already here, and some do not
        width, height = (int(image.tag_v2[tag]) for tag in (WIDTH, LENGTH))  # type: ignore[attr-defined]
    return (width, height) if orientation >= SWAPPED else (height, width)


def upright(pixels: np.ndarray, image: Image.Image, orientation: int) -> np.ndarray:
    """Turns decoded pixels upright.

    Args:
        pixels: (H, W) or (H, W, C), decoded from the image.
        image: of Pillow.
        orientation: as `orientation_of` said before it was decoded.

    Returns:
        (H, W) or (W, H), with the channels.
    """
    if image.format == "TIFF" or orientation == UPRIGHT:
        return pixels
    if orientation >= SWAPPED:
        pixels = pixels.swapaxes(0, 1)
    # Which axes run backwards, of the image that is already transposed where the sides are exchanged.
    rows, columns = orientation in (3, 4, 7, 8), orientation in (2, 3, 6, 7)
    return np.ascontiguousarray(pixels[:: -1 if rows else 1, :: -1 if columns else 1])


def _of_exif(exif: bytes) -> int:
    tags = Image.Exif()
    try:
        tags.load(exif)
        return _valid(tags.get(TAG))
    except Exception:  # EXIF of many programs is broken somewhere, and the image is none the worse for it
        return UPRIGHT


def _valid(value: object) -> int:
    return value if isinstance(value, int) and UPRIGHT <= value <= LARGEST else UPRIGHT


def _png_exif(path: Path) -> bytes | None:
    """Returns the chunk eXIf, which may stand behind the pixels, where Pillow finds it only after decoding them."""
    with path.open("rb") as file:
        file.seek(8)
        while len(head := file.read(8)) == 8:
            length, name = struct.unpack(">I4s", head)
            if name == b"eXIf":
                return file.read(length)
            if name == b"IEND":
                return None
            file.seek(length + 4, 1)
    return None
