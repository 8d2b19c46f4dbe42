"""What a photo's file says beside the pixels: EXIF, which must fit the larger image, and colour profiles."""

import struct
from pathlib import Path

from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

ORIENTATION, EXIF_IFD, GPS_IFD = 0x0112, 0x8769, 0x8825
WIDTH, LENGTH = 0x0100, 0x0101
PIXEL_WIDTH, PIXEL_HEIGHT = 0xA002, 0xA003
# Tags of a TIFF file that describe the photo; all others describe how the file holds it.
DESCRIPTIVE = (0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x8298)
BEGINNING = b"Exif\x00\x00"


def updated_exif(exif: bytes, height: int, width: int) -> bytes | None:
    """Returns EXIF for an image that was turned upright and enlarged; None where it cannot be understood.

    The orientation becomes 1 and the dimensions those of the image. The thumbnail is left out: it is of the image as
    it was, and programs show it in place of the photo.

    Args:
        exif: of the input, with or without the bytes Exif before it.
        height: of the output.
        width: see `height`.
    """
    tags = Image.Exif()
    try:
        tags.load(exif if exif.startswith(BEGINNING) else BEGINNING + exif)
        own = tags.get_ifd(EXIF_IFD)
        tags.get_ifd(GPS_IFD)
        if ORIENTATION in tags:
            tags[ORIENTATION] = 1
        for tag, value in ((WIDTH, width), (LENGTH, height)):
            if tag in tags:
                tags[tag] = value
        if own:
            own[PIXEL_WIDTH], own[PIXEL_HEIGHT] = width, height
            tags[EXIF_IFD] = own
        written: bytes = tags.tobytes()
    except (SyntaxError, ValueError, KeyError, TypeError, struct.error, OSError, EOFError, OverflowError):
        return None  # EXIF of many programs is broken somewhere
    return written if len(tags) else None


def exif_of_tiff(path: Path) -> bytes | None:
    """Returns the EXIF of a TIFF file, whose own tags have its part; None where there is none. libvips passes it over.

    Read from the directory alone: Pillow's Image.open would look at the pixels' size, too.
    """
    found = Image.Exif()
    try:
        with path.open("rb") as file:
            header = file.read(8)
            header += file.read(8) if header[2:3] == b"+" or header[3:4] == b"+" else b""
            directory = ImageFileDirectory_v2(header)
            file.seek(directory.next)
            directory.load(file)
            for tag in DESCRIPTIVE:
                if tag in directory:
                    found[tag] = directory[tag]
            for tag in (EXIF_IFD, GPS_IFD):
                if tag in directory:
                    inner = ImageFileDirectory_v2(header, group=tag)
                    file.seek(directory[tag])
                    inner.load(file)
                    found[tag] = dict(inner)
            return found.tobytes() if len(found) else None
    except (SyntaxError, ValueError, KeyError, TypeError, struct.error, OSError, EOFError, OverflowError):
        return None


def add_exif_to_tiff(path: Path, exif: bytes) -> None:
    """Adds EXIF to a TIFF file of one page, which libvips writes without. The file must be below 4 GiB, little-endian.

    The directory is repeated at the end of the file with the tags of EXIF among its own, and the header points there.

    Args:
        path: of the file.
        exif: as `updated_exif` gives it.
    """
    tags = Image.Exif()
    tags.load(exif)
    with path.open("r+b") as file:
        header = file.read(8)
        assert header[:4] == b"II*\x00"
        file.seek(int.from_bytes(header[4:8], "little"))
        entries = _entries(file.read(2 + 12 * 4096))
        added = ImageFileDirectory_v2(header)
        for tag in DESCRIPTIVE:
            if tag in tags and tag not in entries:
                added[tag] = tags[tag]
        for tag in (EXIF_IFD, GPS_IFD):
            if inner := tags.get_ifd(tag):
                added[tag] = inner
        at = file.seek(0, 2)
        at += file.write(bytes(-at % 2))
        block = added.tobytes(at)
        entries |= _entries(block)
        file.write(block + bytes(len(block) % 2))
        end = file.tell()
        packed = b"".join(entry for _, entry in sorted(entries.items()))
        file.write(struct.pack("<H", len(entries)) + packed + bytes(4))
        file.seek(4)
        file.write(struct.pack("<I", end))


def _entries(directory: bytes) -> dict[int, bytes]:
    """The 12 bytes of every tag of a TIFF directory, by tag."""
    count = int.from_bytes(directory[:2], "little")
    packed = (directory[2 + 12 * number : 14 + 12 * number] for number in range(count))
    return {int.from_bytes(entry[:2], "little"): entry for entry in packed}


def profile_fits(profile: bytes, channels: int) -> bool:
    """Whether an ICC profile is for images of 1 (grey) or 3 (RGB) channels: a PNG with another one is not valid."""
    return profile[16:20] == (b"GRAY" if channels == 1 else b"RGB ") and profile[36:40] == b"acsp"
