"""Opens a photo: upright, grey or RGB, of 8 or 16 bits, checked to its last row; or one line that says why not."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyvips

from srlab.errors import SrlabError
from srlab.extras import require_extra
from srlab.imaging.values import TWELVE_BITS, bands, found_in, number_kind, unread_numbers
from srlab.photos.kinds import AVIF, JXL, PNG, TIFF, Kind, is_animated_png, jxl_size, kind_of
from srlab.photos.metadata import exif_of_tiff, profile_fits
from srlab.photos.pillow_files import read_by_pillow

# An operation that libvips has done before is answered from its cache, and an image whose rows were read once would
# come back as one that has been read to its end.
pyvips.cache_set_max(0)

MAX_PIXELS = 2**28  # of an input: the largest sensors of telephones have 200 megapixels
GREY, RGB = ("b-w", "grey16"), ("srgb", "rgb", "rgb16")
LAB = ("lab", "labs", "labq", "lch")
EXIF, XMP, IPTC, ICC = "exif-data", "xmp-data", "iptc-data", "icc-profile-data"
RANDOM_ACCESS = 3  # orientations from there on turn the image, which takes all of its rows at once


@dataclass(frozen=True)
class Photo:
    """A photo that can be read from its first row to its last, as often as `pixels` is called.

    Attributes:
        path: of its file.
        kind: of its file.
        height: in pixels, when upright.
        width: see `height`.
        channels: 1 (grey) or 3 (RGB), without alpha.
        bits: 8 or 16.
        opacity: None without alpha; the least and the largest alpha otherwise, of 0..255 or 0..65535.
        pixels_per_mm: across and down, as the file says for printing.
        metadata: EXIF, XMP, IPTC and the ICC profile, by libvips's names.
        notes: what a person should know: what was converted or left out.
        pixels: opens the pixels anew, to be read from top to bottom.
    """

    path: Path
    kind: Kind
    height: int
    width: int
    channels: int
    bits: int
    opacity: tuple[int, int] | None
    pixels_per_mm: tuple[float, float]
    metadata: dict[str, bytes]
    notes: tuple[str, ...]
    pixels: Callable[[], pyvips.Image]

    @property
    def has_alpha(self) -> bool:
        return self.opacity is not None

    @property
    def varying_alpha(self) -> bool:
        """Whether some pixels are more opaque than others."""
        return self.opacity is not None and self.opacity[0] != self.opacity[1]


def open_photo(path: Path, max_pixels: int = MAX_PIXELS) -> Photo:
    """Opens a photo and decodes it once, so that a damaged one is found before hours of work.

    Args:
        path: of the file.
        max_pixels: more than these are refused before anything is decoded.

    Raises:
        SrlabError: the file is no image that can be read, damaged, too large, animated, or of another type of values.
        OSError: the file cannot be read.
    """
    kind = kind_of(path)
    if kind.extra:
        require_extra(kind.extra, f"{path} ({kind.name})")
    with vips_errors(path):
        opened = _header(path, kind, max_pixels)
        header = opened("sequential")
        orientation = header.get("orientation") if header.get_typeof("orientation") else 1
        access = "random" if orientation >= RANDOM_ACCESS else "sequential"
        notes: list[str] = []
        first = _normal(opened(access), path, notes)
        alpha = first.hasalpha()
        metadata = {name: bytes(first.get(name)) for name in (EXIF, XMP, IPTC, ICC) if first.get_typeof(name)}
        channels = first.bands - int(alpha)
        if kind is TIFF and (exif := exif_of_tiff(path)):
            metadata[EXIF] = exif
        if ICC in metadata and not profile_fits(metadata[ICC], channels):
            del metadata[ICC]
            notes.append("its colour profile is of other colours, and was left out")
        statistics = first.stats()  # reads every pixel
        brightest = max(_range(statistics, band)[1] for band in range(1, channels + 1))
        if first.format == "ushort" and 0 < brightest <= TWELVE_BITS:
            # The result has the same values, so a dark photo is right as it is; only who has 12 bits must know.
            notes.append(f"no value is above {brightest} of 65535; if {TWELVE_BITS} is white, multiply by 16 first")
        return Photo(
            path=path,
            kind=kind,
            height=first.height,
            width=first.width,
            channels=channels,
            bits=8 if first.format == "uchar" else 16,
            opacity=_range(statistics, first.bands) if alpha else None,
            pixels_per_mm=(first.xres, first.yres),
            metadata=metadata,
            notes=tuple(notes),
            pixels=lambda: _normal(opened(access), path, []),
        )


@contextmanager
def vips_errors(path: Path) -> Iterator[None]:
    """Turns what libvips says of a file that it reads into one line."""
    try:
        yield
    except pyvips.Error as error:
        if (numbers := unread_numbers(path)) is not None:
            raise numbers from None
        lines = [line.strip() for line in str(error.detail or error.message).splitlines() if line.strip()]
        reason = "; ".join(dict.fromkeys(lines))
        raise SrlabError(f"{path}: cannot be decoded ({reason}). Replace or remove it.") from error
    except UnicodeEncodeError:
        raise SrlabError(f"{str(path)!a}: its name is not valid UTF-8. Rename it.") from None


def _header(path: Path, kind: Kind, max_pixels: int) -> Callable[[str], pyvips.Image]:
    """Checks what the header says, and returns what opens the pixels for an access: sequential or random."""
    if kind.loader is None:
        if kind is JXL and (size := jxl_size(path)):
            _check_size(path, *size, max_pixels)
        image = read_by_pillow(path, kind, lambda height, width: _check_size(path, height, width, max_pixels))
        return lambda access: image
    load = getattr(pyvips.Image, kind.loader)
    # A strip of TIFF that is cut is an error to libvips, not a truncation, and would come back black.
    strictness = "error" if kind is TIFF else "truncated"

    def opened(access: str) -> pyvips.Image:
        return load(str(path), access=access, fail_on=strictness)

    header = opened("sequential")
    _check_size(path, header.height, header.width, max_pixels)
    pages = header.get("n-pages") if header.get_typeof("n-pages") else 1
    if pages > 1 and kind in (TIFF, AVIF):
        things = "pages" if kind is TIFF else "images"
        raise SrlabError(f"{path}: holds {pages} {things}; expected one. Save each as a file of its own.")
    if pages > 1 or (kind is PNG and is_animated_png(path)):
        frames = f", with {pages} frames" if pages > 1 else ""
        raise SrlabError(f"{path}: is animated{frames}; expected a still image. Save its frames as images first.")
    return opened


def _check_size(path: Path, height: int, width: int, max_pixels: int) -> None:
    if height * width > max_pixels:
        raise SrlabError(
            f"{path}: says that it has {width}x{height} pixels, more than max_pixels={max_pixels}. If that is what it "
            f"should have, say max_pixels={height * width}."
        )


def _normal(image: pyvips.Image, path: Path, notes: list[str]) -> pyvips.Image:
    """Upright, grey or RGB, perhaps with alpha, uchar or ushort."""
    image = image.autorot()
    if image.interpretation in LAB:
        image = image.colourspace("srgb")
        notes.append("Lab became sRGB")
    if (kind := number_kind(image)) is not None:
        found = found_in(bands(image))
        raise SrlabError(f"{path}: holds {kind}, {found}; expected 8 or 16 bits a channel. Convert it to one of these.")
    if image.interpretation == "cmyk":
        own = image.get_typeof(ICC) != 0
        depth = 8 if image.format == "uchar" else 16
        image = image.icc_transform("srgb", embedded=True, input_profile="cmyk", depth=depth)
        notes.append("CMYK became sRGB by " + ("its profile" if own else "libvips's profile, since it has none"))
    colours = image.bands - int(image.hasalpha())
    if image.interpretation not in GREY + RGB or colours not in (1, 3):
        raise SrlabError(
            f"{path}: has {image.bands} channels of the kind {image.interpretation}; expected grey or RGB, with alpha "
            f"or without. Convert it to one of these."
        )
    return image


def _range(statistics: pyvips.Image, band: int) -> tuple[int, int]:
    """The least and the largest value of a band, counted from 1, of what Image.stats gives."""
    return int(statistics(0, band)[0]), int(statistics(1, band)[0])
