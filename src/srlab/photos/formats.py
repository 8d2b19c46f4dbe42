"""The kinds of files that a result is written as, and what each of them can hold."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyvips

from srlab.errors import SrlabError, nearest
from srlab.extras import require_extra
from srlab.photos.kinds import HEIC, JXL
from srlab.photos.metadata import add_exif_to_tiff
from srlab.photos.pillow_files import write_by_pillow

LOSSLESS = "lossless"
EXIF = "exif-data"  # libvips's name
CLASSIC_TIFF = 2**32 - 2**24  # bytes of pixels up to which a TIFF file has offsets of 32 bits
Quality = int | str | None  # 1..100, lossless, or None for the kind's own
Metadata = dict[str, bytes]


@dataclass(frozen=True)
class Format:
    """A kind of file that can be written.

    Attributes:
        name: as the option says it, and the suffix of files.
        write: writes an image to a path, with metadata.
        quality: the default, 1..100; None for kinds that are always exact.
        lossless: whether quality=lossless is known.
        alpha: whether it can hold alpha.
        bits: of a channel, at most.
        longest: pixels of a side, at most.
        profile: whether it can hold a colour profile; without one, programs take the values as sRGB.
        extra: of srlab that brings the package for it; "" where none is needed.
    """

    name: str
    write: Callable[[pyvips.Image, Path, Quality, Metadata], None]
    quality: int | None = None
    lossless: bool = False
    alpha: bool = True
    bits: int = 8
    longest: int = 2**31 - 1
    profile: bool = True
    extra: str = ""

    def chosen(self, quality: Quality) -> Quality:
        """Returns the quality that is meant. Raises SrlabError for one that the kind does not have."""
        if quality is None:
            return self.quality
        if self.quality is None:
            raise SrlabError(f"quality={quality}: {self.name} files are always exact. Leave quality= out.")
        if quality == LOSSLESS and not self.lossless:
            with_it = ", ".join(name for name, other in FORMATS.items() if other.lossless)
            raise SrlabError(f"quality={quality}: {self.name} has no lossless form; {with_it} have, and png is always.")
        return quality


def _png(image: pyvips.Image, path: Path, quality: Quality, metadata: Metadata) -> None:
    image.pngsave(str(path))


def _jpg(image: pyvips.Image, path: Path, quality: Quality, metadata: Metadata) -> None:
    image.jpegsave(str(path), Q=quality, optimize_coding=True)


def _webp(image: pyvips.Image, path: Path, quality: Quality, metadata: Metadata) -> None:
    image.webpsave(str(path), **({"lossless": True} if quality == LOSSLESS else {"Q": quality}))


def _tiff(image: pyvips.Image, path: Path, quality: Quality, metadata: Metadata) -> None:
    size = image.width * image.height * image.bands * (1 if image.format == "uchar" else 2)
    big = size > CLASSIC_TIFF
    image.tiffsave(str(path), compression="deflate", predictor="horizontal", bigtiff=big)
    if EXIF in metadata and not big:
        add_exif_to_tiff(path, metadata[EXIF])


def _avif(image: pyvips.Image, path: Path, quality: Quality, metadata: Metadata) -> None:
    how = {"lossless": True} if quality == LOSSLESS else {"Q": quality}
    image.heifsave(str(path), compression="av1", bitdepth=8 if image.format == "uchar" else 12, **how)


def _heic(image: pyvips.Image, path: Path, quality: Quality, metadata: Metadata) -> None:
    write_by_pillow(image, path, HEIC, metadata, quality=quality)


def _jxl(image: pyvips.Image, path: Path, quality: Quality, metadata: Metadata) -> None:
    how = {"lossless": True} if quality == LOSSLESS else {"quality": quality}
    write_by_pillow(image, path, JXL, metadata, **how)


FORMATS = {
    own.name: own
    for own in (
        Format("png", _png, bits=16),
        Format("jpg", _jpg, quality=95, alpha=False, longest=65535),
        Format("webp", _webp, quality=92, lossless=True, longest=16383),
        Format("tiff", _tiff, bits=16),
        Format("avif", _avif, quality=80, lossless=True, bits=12, longest=16384),
        Format("heic", _heic, quality=90, longest=16384, extra="photos"),
        Format("jxl", _jxl, quality=95, lossless=True, profile=False, extra="jxl"),
    )
}
OTHER_NAMES = {"jpeg": "jpg", "jpe": "jpg", "jfif": "jpg", "tif": "tiff", "heif": "heic"}


def format_of(name: str, said_by: str) -> Format:
    """Returns the kind of files of a name or suffix.

    Args:
        name: such as jpg, JPEG or .png.
        said_by: what the error begins with, such as format=jpg.

    Raises:
        SrlabError: there is none of this name, or a package is missing.
    """
    word = name.lower().removeprefix(".")
    word = OTHER_NAMES.get(word, word)
    if word not in FORMATS:
        raise SrlabError(f"{said_by}: expected one of {', '.join(FORMATS)}.{nearest(word, FORMATS)}")
    if FORMATS[word].extra:
        require_extra(FORMATS[word].extra, said_by)
    return FORMATS[word]
