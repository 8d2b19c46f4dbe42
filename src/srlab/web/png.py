"""PNG files that are written band after band: no whole image is in memory. PNG specification, section 9 (filters)."""

import struct
import zlib
from typing import BinaryIO

import numpy as np

LEVEL = 3  # of zlib: half the time of its default, for a few per cent more bytes
COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # channels -> grey, grey and alpha, RGB, RGB and alpha
SUB, UP, PAETH = 1, 2, 4


class PngWriter:
    """Writes an image from top to bottom.

    Args:
        file: opened for writing.
        height: of the image, in pixels.
        width: see `height`.
        channels: 1 for grey, 3 for RGB, and one more with alpha.
        bits: 8 or 16.
        profile: an ICC profile.
    """

    def __init__(
        self, file: BinaryIO, height: int, width: int, channels: int, bits: int, profile: bytes | None = None
    ) -> None:
        self.file, self._big_endian = file, f">u{bits // 8}"
        self._left = height
        self._above = np.zeros((1, width, channels * bits // 8), np.uint8)
        self._stream = zlib.compressobj(LEVEL)
        file.write(b"\x89PNG\r\n\x1a\n")
        self._chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, COLOUR_TYPES[channels], 0, 0, 0))
        if profile:
            self._chunk(b"iCCP", b"profile\0\0" + zlib.compress(profile))

    def write(self, rows: np.ndarray) -> None:
        """Adds rows, (n, width, channels), uint8 or uint16, below those that are there."""
        for top in range(0, len(rows), 64):  # the filters take several times the memory of their rows
            part = np.ascontiguousarray(rows[top : top + 64], self._big_endian)
            self._write(part.view(np.uint8).reshape(len(part), *self._above.shape[1:]))

    def _write(self, rows: np.ndarray) -> None:
        """Adds rows of bytes, (n, width, bytes of a pixel)."""
        up = np.concatenate([self._above, rows[:-1]])
        left, corner = _shifted(rows), _shifted(up)
        candidates = {SUB: rows - left, UP: rows - up, PAETH: rows - _paeth(left, up, corner)}
        # The specification's advice: the filter whose differences, as signed numbers, have the smallest sum.
        costs = [
            np.abs(values.view(np.int8), dtype=np.int16).sum((1, 2), dtype=np.int64) for values in candidates.values()
        ]
        best = np.argmin(costs, axis=0)
        lines = np.empty((len(rows), 1 + rows[0].size), np.uint8)
        for number, (kind, values) in enumerate(candidates.items()):
            chosen = best == number
            lines[chosen, 0] = kind
            lines[chosen, 1:] = values[chosen].reshape(int(chosen.sum()), rows[0].size)
        self._chunk(b"IDAT", self._stream.compress(lines.data))
        self._above = rows[-1:].copy()
        self._left -= len(rows)

    def close(self) -> None:
        """Ends the file. Raises ValueError where rows are missing."""
        if self._left:
            raise ValueError(f"{self._left} rows are missing")
        self._chunk(b"IDAT", self._stream.flush())
        self._chunk(b"IEND", b"")
        self.file.flush()

    def _chunk(self, kind: bytes, content: bytes) -> None:
        if content or kind != b"IDAT":
            self.file.write(struct.pack(">I", len(content)) + kind + content)
            self.file.write(struct.pack(">I", zlib.crc32(content, zlib.crc32(kind))))


def _shifted(rows: np.ndarray) -> np.ndarray:
    """The pixel to the left of each, 0 beyond the edge."""
    result = np.zeros_like(rows)
    result[:, 1:] = rows[:, :-1]
    return result


def _paeth(left: np.ndarray, up: np.ndarray, corner: np.ndarray) -> np.ndarray:
    """The neighbour that is nearest to left + up - corner; the first of these three where two are equally near."""
    a, b, c = (values.astype(np.int16) for values in (left, up, corner))
    to_left, to_up, to_corner = np.abs(b - c), np.abs(a - c), np.abs(a + b - 2 * c)
    nearest = np.where(to_up <= to_corner, up, corner)
    return np.where((to_left <= to_up) & (to_left <= to_corner), left, nearest)
