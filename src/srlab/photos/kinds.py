"""Which kind of image a file holds, by its first bytes: names lie, and decoders should see only what they are for."""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from srlab.errors import SrlabError
from srlab.imaging.folders import check_not_waiting


@dataclass(frozen=True)
class Kind:
    """A kind of image file that can be read.

    Attributes:
        name: as people call it.
        loader: the operation of libvips; None where Pillow reads it.
        extra: of srlab that brings the package for it; "" where none is needed.
    """

    name: str
    loader: str | None = None
    extra: str = ""


PNG, JPEG, WEBP = Kind("PNG", "pngload"), Kind("JPEG", "jpegload"), Kind("WebP", "webpload")
TIFF, GIF, AVIF = Kind("TIFF", "tiffload"), Kind("GIF", "gifload"), Kind("AVIF", "heifload")
BMP, HEIC, JXL = Kind("BMP"), Kind("HEIC", extra="photos"), Kind("JPEG XL", extra="jxl")
KINDS = (PNG, JPEG, WEBP, TIFF, BMP, GIF, AVIF, HEIC, JXL)

SUFFIXES = frozenset(
    (".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".tif", ".tiff", ".bmp", ".dib", ".gif", ".avif",
     ".heic", ".heif", ".hif", ".jxl")
)  # fmt: skip
# Raw files of cameras begin as TIFF does, and what a reader of TIFF finds in them is a small preview.
RAW_SUFFIXES = frozenset(
    (".dng", ".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".srf", ".sr2", ".orf", ".rw2", ".raf", ".pef", ".srw",
     ".3fr", ".iiq")
)  # fmt: skip

_JXL_CONTAINER = b"\x00\x00\x00\x0cJXL \r\n\x87\n"
_BEGINNINGS = (
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"\xff\xd8\xff", JPEG),
    (b"GIF87a", GIF),
    (b"GIF89a", GIF),
    (b"II*\x00", TIFF),
    (b"MM\x00*", TIFF),
    (b"II+\x00", TIFF),
    (b"MM\x00+", TIFF),
    (b"BM", BMP),
    (b"\xff\x0a", JXL),
    (_JXL_CONTAINER, JXL),
)
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_AVIF_BRANDS = {b"avif", b"avis"}


def kind_of(path: Path) -> Kind:
    """Returns the kind of an image file.

    Raises:
        SrlabError: it is empty, of no kind that can be read, or a camera's raw file.
        OSError: it cannot be read at all.
    """
    if path.suffix.lower() in RAW_SUFFIXES:
        raise SrlabError(f"{path}: is a camera's raw file. Develop it with a raw converter first, to TIFF or JPEG.")
    check_not_waiting(path)
    with path.open("rb") as file:
        beginning = file.read(64)
    if not beginning:
        raise SrlabError(f"{path}: is empty.")
    for prefix, kind in _BEGINNINGS:
        if beginning.startswith(prefix):
            return kind
    if beginning[:4] == b"RIFF" and beginning[8:12] == b"WEBP":
        return WEBP
    if beginning[4:8] == b"ftyp":
        size = min(max(int.from_bytes(beginning[:4], "big"), 16), len(beginning))
        brands = {beginning[at : at + 4] for at in (8, *range(16, size, 4))}
        if brands & _AVIF_BRANDS:
            return AVIF
        if brands & _HEIC_BRANDS:
            return HEIC
    raise SrlabError(f"{path}: is not an image that srlab can read. Expected {', '.join(kind.name for kind in KINDS)}.")


def is_animated_png(path: Path) -> bool:
    """Whether a PNG file has frames: a chunk acTL before the pixels, which libvips passes over."""
    with path.open("rb") as file:
        file.seek(8)
        while len(head := file.read(8)) == 8:
            length, name = struct.unpack(">I4s", head)
            if name in (b"acTL", b"IDAT", b"IEND"):
                return name == b"acTL"
            file.seek(length + 4, 1)
    return False


def jxl_size(path: Path) -> tuple[int, int] | None:
    """Returns (height, width) of a JPEG XL file by its header (ISO/IEC 18181-1, SizeHeader); None where it has none.

    The plugin of Pillow decodes a file when it opens it, which is too late to refuse one that is too large.
    """
    with path.open("rb") as file:
        start = _codestream(file)
        file.seek(start)
        header = file.read(16)
    if header[:2] != b"\xff\x0a":
        return None
    bits = _Bits(int.from_bytes(header[2:], "little"))
    small = bits.take(1)
    height = _side(bits, small)
    ratio = bits.take(3)
    if ratio == 0:
        return height, _side(bits, small)
    across, down = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))[ratio - 1]
    return height, height * across // down


def _codestream(file: BinaryIO) -> int:
    """Where the codestream begins: at once, or in a box of the container."""
    beginning = file.read(12)
    if beginning != _JXL_CONTAINER:
        return 0
    while len(head := file.read(8)) == 8:
        length, name = struct.unpack(">I4s", head)
        header = 8
        if length == 1:
            length, header = int.from_bytes(file.read(8), "big"), 16
        if name in (b"jxlc", b"jxlp"):
            return file.tell() + (4 if name == b"jxlp" else 0)
        if length < header:
            break
        file.seek(length - header, 1)
    return 0


class _Bits:
    """Takes numbers of a few bits from the low end of a large one."""

    def __init__(self, number: int) -> None:
        self.number = number

    def take(self, count: int) -> int:
        value = self.number & ((1 << count) - 1)
        self.number >>= count
        return value


def _side(bits: _Bits, small: int) -> int:
    if small:
        return 8 * (bits.take(5) + 1)
    return bits.take((9, 13, 18, 30)[bits.take(2)]) + 1
