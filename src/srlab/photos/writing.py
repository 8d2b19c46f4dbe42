"""Writes a large image whose rows come one after the other: whole or not at all, and never whole in memory."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyvips

from srlab.atomic_write import atomic_write, partial_name, remove_abandoned
from srlab.errors import SrlabError
from srlab.photos.formats import Format, Metadata, Quality
from srlab.photos.metadata import updated_exif
from srlab.photos.photo import EXIF, ICC, Photo

SMALL = 2**25  # bytes of pixels that are kept in memory instead of a file
VIPS_TYPES = {8: "uchar", 16: "ushort"}
WHITE = 255  # what transparent pixels show in kinds of files without alpha


def check_fits(out: Path, kind: Format, height: int, width: int) -> None:
    """Raises SrlabError where a kind of file cannot be that large: before hours of work, not after."""
    if max(height, width) > kind.longest:
        raise SrlabError(
            f"{out}: would have {width}x{height} pixels, and {kind.name} files have sides of {kind.longest} at most. "
            f"Choose another format: png and tiff have room."
        )


def lost(photo: Photo, kind: Format) -> list[str]:
    """Says what of a photo a kind of file cannot hold."""
    notes = []
    if photo.bits > kind.bits:
        notes.append(f"{photo.bits} bits became {kind.bits}, which is what {kind.name} holds")
    if photo.opacity is not None and photo.opacity != (255 if photo.bits == 8 else 65535,) * 2 and not kind.alpha:
        notes.append(f"transparency became white: {kind.name} has none")
    if ICC in photo.metadata and not kind.profile:
        notes.append(f"colours became sRGB: srlab cannot write a profile into {kind.name}")
    return notes


def write_photo(
    out: Path, kind: Format, quality: Quality, photo: Photo, bands: Iterator[np.ndarray], height: int, width: int
) -> None:
    """Writes an image.

    The pixels go into a file without compression beside `out` first, which libvips then encodes row by row: the whole
    image is in memory for small ones alone, and for HEIC and JPEG XL.

    Args:
        out: the file; its folder is made.
        kind: of the file.
        quality: see `Format.chosen`.
        photo: the input, whose metadata are kept.
        bands: (rows, width, channels), uint8 or uint16 as the photo, alpha last; together `height` rows.
        height: of the image.
        width: see `height`.

    Raises:
        SrlabError: libvips cannot write the file.
        OSError: the disk is full, or the file cannot be written.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(out.parent, out.name)
    channels = photo.channels + int(photo.has_alpha)
    size = height * width * channels * photo.bits // 8
    with atomic_write(out) as partial, _pixel_file(out, size) as pixels:
        partial.touch()  # finds out now, and not in the end, whether it can be written
        for band in bands:
            pixels.write(band)
        image = pixels.image(height, width, channels, photo.bits)
        metadata = _metadata(photo, height, width)
        with _write_errors(out):
            kind.write(_dressed(image, photo, kind, metadata), partial, quality, metadata)


class _InMemory:
    """Pixels of a small image."""

    def __init__(self) -> None:
        self._content = bytearray()

    def write(self, band: np.ndarray) -> None:
        self._content += band.tobytes()

    def image(self, height: int, width: int, channels: int, bits: int) -> pyvips.Image:
        return pyvips.Image.new_from_memory(self._content, width, height, channels, VIPS_TYPES[bits])


class _OnDisk:
    """Pixels of a large image."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("wb")

    def write(self, band: np.ndarray) -> None:
        self._file.write(band.tobytes())

    def image(self, height: int, width: int, channels: int, bits: int) -> pyvips.Image:
        self._file.close()
        kind = VIPS_TYPES[bits]
        return pyvips.Image.rawload(str(self._path), width, height, channels, format=kind, access="sequential")

    def close(self) -> None:
        try:
            self._file.close()  # writes what is left, which a full disk refuses once more
        finally:
            self._path.unlink(missing_ok=True)


@contextmanager
def _pixel_file(out: Path, size: int) -> Iterator[_InMemory | _OnDisk]:
    if size <= SMALL:
        yield _InMemory()
        return
    free = shutil.disk_usage(out.parent).free
    if free < size:
        raise OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)}: the pixels need {size:,} bytes", str(out.parent))
    on_disk = _OnDisk(partial_name(out))
    try:
        yield on_disk
    finally:
        on_disk.close()


def _metadata(photo: Photo, height: int, width: int) -> Metadata:
    kept = dict(photo.metadata)
    if EXIF in kept:
        exif = updated_exif(kept.pop(EXIF), height, width)
        kept |= {} if exif is None else {EXIF: exif}
    return kept


def _dressed(image: pyvips.Image, photo: Photo, kind: Format, metadata: Metadata) -> pyvips.Image:
    """The pixels with all that the file is to say of them, within what the kind can hold."""
    meanings = {(1, 8): "b-w", (1, 16): "grey16", (3, 8): "srgb", (3, 16): "rgb16"}
    image = image.copy(
        interpretation=meanings[photo.channels, photo.bits], xres=photo.pixels_per_mm[0], yres=photo.pixels_per_mm[1]
    )
    if photo.has_alpha and not kind.alpha:
        image = image.flatten(background=WHITE * (257 if photo.bits == 16 else 1))
    for name, content in metadata.items():
        image.set_type(pyvips.GValue.blob_type, name, content)
    if ICC in metadata and not kind.profile:
        image = image.icc_transform("srgb", embedded=True, depth=photo.bits)
        image = image.colourspace(meanings[photo.channels, photo.bits])
    if photo.bits > kind.bits and kind.bits == 8:
        # 65535 becomes 255, rounded half up.
        image = ((image + 128) / 257).floor().cast("uchar").copy(interpretation=meanings[photo.channels, 8])
    return image


@contextmanager
def _write_errors(out: Path) -> Iterator[None]:
    """Turns what libvips says of a file that it writes into an error of the system, or into one line."""
    try:
        yield
    except pyvips.Error as error:
        text = str(error.detail or error.message)
        for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO):
            if os.strerror(number) in text:
                raise OSError(number, os.strerror(number), str(out)) from error
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        raise SrlabError(
            f"{out}: cannot be written ({'; '.join(dict.fromkeys(lines))}). Choose another format."
        ) from error
