"""What the values of image files mean. Where a file does not say which value is white, it is refused, never guessed."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from srlab.errors import SrlabError

GREY_MODES = ("L", "1", "LA", "La")
WHITE = 65535
# No value of a file of 16 bits above this: 12 bits of a camera that nobody multiplied by 16, or a dark picture.
TWELVE_BITS = 4095
ROWS = 256  # read at once to find a range
BITS, PHOTOMETRIC, SAMPLE_FORMAT = 258, 262, 339  # tags of TIFF
MAX_SAMPLE_VALUE = (281, 341)
NUMBERS = {1: "integers without sign", 2: "integers with sign", 3: "floating point", 5: "complex numbers"}
NUMBERS[6] = NUMBERS[5]
_UNDEFINED = 4  # a sample format that says nothing: as without the tag
HINT = (
    "expected integers of 8 or 16 bits, in which 0 is black and the largest is white. srlab does not guess which value "
    "is white here: scale the values, and save them so."
)


def is_deep(image: Image.Image) -> bool:
    """Whether the file of an opened image that is not decoded yet has more than 8 bits a channel."""
    # Pillow opens 16-bit RGB as RGB; only how the file stores it, such as RGB;16B, tells.
    return image.mode.startswith(("I", "F")) or any(";16" in str(tile[3]) for tile in image.tile)  # type: ignore[attr-defined]


def is_grey(image: Image.Image) -> bool:
    """Whether `to_8_bit` gives one channel."""
    return image.mode in GREY_MODES or image.mode.startswith(("I", "F"))


def to_8_bit(image: Image.Image, path: Path) -> np.ndarray:
    """Decodes an opened image to uint8: (H, W) if it is grey, else (H, W, 3). Alpha is dropped.

    Of 16 bits, 65535 becomes 255.

    Raises:
        SrlabError: the file does not say which of its values is white.
    """
    deep, tags = is_deep(image), _tags(image)
    _check_tags(tags, path, deep)
    unsigned = image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM"))
    if image.mode.startswith(("I", "F")) and not unsigned:
        found = _by_libvips(path) if image.format == "TIFF" else [np.asarray(image)]
        raise _other_numbers(path, "32-bit floating point" if image.mode == "F" else "32-bit integers", found)
    if unsigned:
        largest = TWELVE_BITS if _each(tags.get(BITS)) == (12,) else WHITE
        values = np.asarray(image).astype(np.float64)
        if tags.get(PHOTOMETRIC) == 0:  # white is 0. Pillow inverts 8 bits, and leaves 16 as they are
            values = largest - values
        pixels = np.rint(values * (255 / largest)).clip(0, 255).astype(np.uint8)
        brightest = values.max(initial=0) if largest == WHITE else WHITE
    else:
        pixels = np.asarray(image.convert("L" if image.mode in GREY_MODES else "RGB"))
        brightest = 256 * int(pixels.max(initial=0)) + 255 if deep else WHITE  # Pillow keeps the upper 8 of 16 bits
    if 0 < brightest <= TWELVE_BITS:
        raise _dark(path)
    return pixels


def _dark(path: Path) -> SrlabError:
    # A dark picture is possible, and 12 bits in a file of 16 are more likely. To refuse costs little: 8 bits are all
    # that is read of a file, so who knows that it is dark loses nothing by saving it with 8.
    return SrlabError(
        f"{path}: has 16 bits, and no value above {TWELVE_BITS}: perhaps of 12 bits, where {TWELVE_BITS} is white, or "
        f"dark, where {WHITE} is. srlab does not guess. Scale the values so that white is {WHITE}, or save it "
        f"with 8 bits."
    )


def _tags(image: Image.Image) -> dict[int, Any]:
    return dict(image.tag_v2) if image.format == "TIFF" else {}  # type: ignore[attr-defined]


def _each(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else () if value is None else (value,)


def _check_tags(tags: dict[int, Any], path: Path, deep: bool) -> None:
    """Refuses a TIFF file of other numbers, or one that has another white than its number of bits.

    PNG's chunk sBIT needs no check: it says how precise values were before the writer scaled them to all 16 bits, as
    the specification demands.
    """
    numbers = next((one for one in _each(tags.get(SAMPLE_FORMAT)) if one not in (1, _UNDEFINED)), None)
    bits = max(_each(tags.get(BITS)), default=1)
    if numbers is not None:
        kind = f"{bits}-bit {NUMBERS.get(numbers, 'numbers of an unknown kind')}"
        raise _other_numbers(path, kind, _by_libvips(path))
    # TIFF 6.0 says that these tags are statistics, so a white cannot be taken from them. But 2^n - 1 below the largest
    # value is no statistic by chance: who writes it means that the file has n bits.
    for declared in (max(_each(tags.get(tag)), default=0) for tag in MAX_SAMPLE_VALUE):
        if deep and 0 < declared < 2**bits - 1 and int(declared) & (int(declared) + 1) == 0:
            raise SrlabError(
                f"{path}: has {bits} bits, and its tag MaxSampleValue says {declared}. srlab does not guess whether "
                f"white is {declared} or {2**bits - 1}. Scale the values so that it is {2**bits - 1}, without the tag."
            )


def _other_numbers(path: Path, kind: str, values: Iterable[np.ndarray]) -> SrlabError:
    return SrlabError(f"{path}: holds {kind}, {found_in(values)}; {HINT}")


def unknown_tiff(path: Path) -> SrlabError | None:
    """Returns the error of a file that Pillow does not know, if it is TIFF of other numbers than it reads."""
    image = _opened_by_libvips(path)
    if image is None:  # libvips has no floating point of 64 bits in TIFF
        return unread_numbers(path)
    kind = number_kind(image)
    return None if kind is None else _other_numbers(path, kind, bands(image))


def unread_numbers(path: Path) -> SrlabError | None:
    """Returns the error of a TIFF file whose first directory names other numbers than integers without sign."""
    try:
        with path.open("rb") as file:
            tags = ImageFileDirectory_v2(file.read(8))
            file.seek(tags.next)
            tags.load(file)
            numbers, bits = _each(tags.get(SAMPLE_FORMAT)), _each(tags.get(BITS))
    except Exception:  # not TIFF, or damaged: decoders end in any error then
        return None
    kind = next((NUMBERS[one] for one in numbers if one in NUMBERS and one != 1), None)
    return None if kind is None else _other_numbers(path, f"{max(bits, default=1)}-bit {kind}", ())


def number_kind(image: Any) -> str | None:
    """Says what numbers an image of libvips has; None for integers of 8 or 16 bits without sign."""
    kinds = {
        "char": "8-bit integers with sign",
        "short": "16-bit integers with sign",
        "int": "32-bit integers with sign",
        "uint": "32-bit integers",
        "float": "32-bit floating point",
        "double": "64-bit floating point",
    }
    return None if image.format in ("uchar", "ushort") else kinds.get(image.format, "complex numbers")


def bands(image: Any) -> Iterator[np.ndarray]:
    """Yields the rows of an image of libvips, some at a time, (rows, W) or (rows, W, C)."""
    for top in range(0, image.height, ROWS):
        yield image.crop(0, top, image.width, min(ROWS, image.height - top)).numpy()


def found_in(values: Iterable[np.ndarray]) -> str:
    """Says the range of an image, and how many of its values are none.

    Args:
        values: its rows, (rows, W) or (rows, W, C), one array after the other.
    """
    least, most, lost, first, top = np.inf, -np.inf, 0, "", 0
    for rows in values:
        finite = np.isfinite(rows)
        wrong = ~finite
        if wrong.any():
            row, column = np.argwhere(wrong)[0][:2]
            first = first or f"row {top + row}, column {column}, counted from 0"
            lost += int(wrong.sum())
        if finite.any() and not np.iscomplexobj(rows):
            least, most = min(least, rows[finite].min()), max(most, rows[finite].max())
        top += len(rows)
    spread = f"from {least:g} to {most:g}" if least <= most else "of a range that cannot be read"
    return f"{spread}, with {lost} values that are NaN or infinite, the first at {first}" if lost else spread


def _opened_by_libvips(path: Path) -> Any:
    import pyvips  # noqa: PLC0415 - takes a while, and only a file that is refused needs it

    try:
        image = pyvips.Image.tiffload(str(path))
    except (pyvips.Error, UnicodeEncodeError):  # a name that is not valid UTF-8
        return None
    return image if image.width * image.height <= (Image.MAX_IMAGE_PIXELS or np.inf) else None


def _by_libvips(path: Path) -> Iterator[np.ndarray]:
    """Yields what libvips reads of a TIFF file, which knows more numbers than Pillow; nothing where it cannot."""
    import pyvips  # noqa: PLC0415

    image = _opened_by_libvips(path)
    try:
        yield from bands(image) if image is not None else ()
    except pyvips.Error:  # damaged further down: what was read is said
        return
