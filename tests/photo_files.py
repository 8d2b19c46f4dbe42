"""Image files of many kinds for tests, made without libvips: by Pillow, tifffile or byte for byte."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image, ImageCms

HEIGHT, WIDTH = 22, 31
CHANNELS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}
COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # of PNG, by channels
TAKEN = "2024:05:06 07:08:09"


def pixels(channels: int, bits: int = 8, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """A soft picture with some grain, (height, width, channels); the last of 2 or 4 channels has every opacity."""
    y, x = np.mgrid[:height, :width] / max(height, width)
    waves = [np.sin(3 + (5 + channel) * x + 4 * y) * np.cos(channel + 6 * y) for channel in range(channels)]
    grain = np.random.default_rng(channels).normal(0, 0.03, (height, width, channels))
    values = 0.5 + 0.42 * np.stack(waves, axis=-1) + grain
    if channels in (2, 4):
        values[..., -1] = (2.5 * x - 0.4).clip(0, 1)
    largest = 2**bits - 1
    return (values.clip(0, 1) * largest + 0.5).astype(np.uint8 if bits == 8 else np.uint16)


def picture(mode: str = "RGB") -> Image.Image:
    array = pixels(CHANNELS[mode])
    return Image.fromarray(array[..., 0] if mode == "L" else array, mode=None)


def png_bytes(array: np.ndarray, *, interlaced: bool = False) -> bytes:
    """A PNG of uint8 or uint16, (height, width, channels)."""
    height, width, channels = array.shape
    bits = 8 * array.dtype.itemsize
    rows = array.astype(array.dtype.newbyteorder(">")).reshape(height, -1)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", width, height, bits, COLOUR_TYPES[channels], 0, 0, int(interlaced))
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + png_chunk(b"IDAT", zlib.compress(raw))
        + png_chunk(b"IEND", b"")
    )


def png_chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def bomb_png(side: int) -> bytes:
    """A small PNG that says it has side * side pixels."""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + png_chunk(b"IDAT", zlib.compress(bytes(1000)))
        + png_chunk(b"IEND", b"")
    )


def bomb_jxl(height: int, width: int) -> bytes:
    """The first bytes of a JPEG XL file with sides of up to 2^30 pixels."""
    number, at = 0, 0
    for value, count in ((0, 1), (3, 2), (height - 1, 30), (0, 3), (3, 2), (width - 1, 30)):
        number |= value << at
        at += count
    return b"\xff\x0a" + number.to_bytes(16, "little")


def read_png(path: Path) -> np.ndarray:
    """Reads a PNG without interlacing: (height, width, channels), uint8 or uint16. Pillow cuts 16 bits to 8."""
    content = path.read_bytes()
    at, packed, header = 8, b"", b""
    while at < len(content):
        length, name = struct.unpack(">I4s", content[at : at + 8])
        body = content[at + 8 : at + 8 + length]
        header = body if name == b"IHDR" else header
        packed += body if name == b"IDAT" else b""
        at += 12 + length
    width, height, bits, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    assert bits in (8, 16) and not interlaced
    channels = next(count for count, number in COLOUR_TYPES.items() if number == colour)
    step = channels * bits // 8
    lines = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(height, 1 + width * step)
    result = np.zeros((height, width * step), np.uint8)
    above = np.zeros(width * step, np.uint8)
    for y, line in enumerate(lines):
        above = result[y] = _unfiltered(int(line[0]), line[1:], above, step)
    typed = result.reshape(height, width, channels, bits // 8)
    return typed[..., 0] if bits == 8 else typed[..., 0].astype(np.uint16) * 256 + typed[..., 1]


def _unfiltered(kind: int, line: np.ndarray, above: np.ndarray, step: int) -> np.ndarray:
    """Section 9 of the PNG specification."""
    done = np.zeros(len(line) + step, np.int64)  # with the pixel before the first
    corner = np.concatenate([np.zeros(step, np.int64), above])
    for i, value in enumerate(line.tolist()):
        left, up, diagonal = int(done[i]), int(above[i]), int(corner[i])
        guess = left + up - diagonal
        near = min((abs(guess - left), 0, left), (abs(guess - up), 1, up), (abs(guess - diagonal), 2, diagonal))[2]
        done[i + step] = (value + (0, left, up, (left + up) // 2, near)[kind]) % 256
    return done[step:].astype(np.uint8)


def exif(orientation: int = 1) -> Image.Exif:
    tags = Image.Exif()
    tags[0x010F], tags[0x0110], tags[0x0112] = "Maker", "Model 7", orientation
    tags[0x8769] = {0x9003: TAKEN, 0xA002: WIDTH, 0xA003: HEIGHT}
    tags[0x8825] = {1: "N", 2: (47.0, 8.0, 30.0)}
    read = Image.Exif()  # Pillow's TIFF writer takes the inner directories of EXIF that was read
    read.load(tags.tobytes())
    return read


def p3_profile() -> bytes:
    """A matrix profile with primaries near those of Display P3, of sRGB's with other numbers."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack(">I", profile[128:132])[0]
    primaries = {
        b"rXYZ": (0.5151, 0.2412, -0.0011),
        b"gXYZ": (0.2920, 0.6922, 0.0419),
        b"bXYZ": (0.1571, 0.0666, 0.7841),
    }
    for number in range(count):
        name, offset, _ = struct.unpack(">4sII", profile[132 + 12 * number : 144 + 12 * number])
        if name in primaries:
            values = [round(value * 65536) for value in primaries[name]]
            profile[offset + 8 : offset + 20] = struct.pack(">iii", *values)
    return bytes(profile)


def turned(image: Image.Image, orientation: int) -> Image.Image:
    """The pixels as a camera stores them that says how to turn them: the picture itself comes out upright."""
    how = {
        1: None, 2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]  # fmt: skip
    return image if how is None else image.transpose(how)


def save_tiff(path: Path, array: np.ndarray, **options: object) -> None:
    """By tifffile: 16 bits and floating point, which Pillow does not write in colour."""
    tifffile.imwrite(path, array, **options)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()
