"""Duplicate images: equal in every pixel, or scaled or compressed copies."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from srlab.errors import SrlabError
from srlab.imaging.files import ImageHeader, image_header, read_image

HASH = (9, 8)  # columns and rows of the thumbnail behind the hash: 8 x 8 comparisons of neighbours
THUMBNAIL = 32  # side of the thumbnail that confirms
FAR = 10  # Hamming distance of 64 bits up to which thumbnails are compared
ALIKE = 0.9  # correlation of thumbnails from which they are the same picture
ROWS = 512  # images compared at once, to bound the memory


@dataclass(frozen=True)
class Look:
    """What is kept of a decoded image, to compare it with others.

    Attributes:
        path: of the file.
        size: (height, width).
        header: of the file.
        brightest: value of the decoded image, 0 to 255.
        digest: hash of the pixels.
        bits: (64,) bool, the difference hash.
        thumbnail: (THUMBNAIL ** 2,) luma in 0..255.
    """

    path: Path
    size: tuple[int, int]
    header: ImageHeader
    brightest: int
    digest: bytes
    bits: np.ndarray
    thumbnail: np.ndarray


def look(path: Path) -> Look | SrlabError:
    """Decodes an image. An error is returned, not raised, so that all bad files of a folder can be reported."""
    try:
        image, header = read_image(path), image_header(path)
    except SrlabError as error:
        return error
    grey = Image.fromarray(image).convert("L")
    columns = np.asarray(grey.resize(HASH, Image.Resampling.BOX), dtype=np.int16)
    small = grey.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)
    return Look(
        path,
        (image.shape[0], image.shape[1]),
        header,
        int(image.max(initial=0)),
        hashlib.sha256(repr(image.shape).encode() + image.tobytes()).digest(),
        (columns[:, 1:] > columns[:, :-1]).ravel(),
        np.asarray(small, dtype=np.float32).ravel(),
    )


@dataclass(frozen=True)
class Duplicate:
    """Two images that show the same picture. exact: whether all pixels are equal."""

    first: Path
    second: Path
    exact: bool


def duplicates(first: Sequence[Look], second: Sequence[Look] | None = None) -> list[Duplicate]:
    """Finds images that show the same picture.

    Copies that were scaled (down to about a quarter) or compressed again are found by their difference hash and
    thumbnail. Copies that were cropped by more than some pixels, rotated or mirrored are not found.

    Args:
        first: images.
        second: others; None compares the images of `first` with each other.
    """
    others = first if second is None else second
    places: dict[bytes, list[int]] = {}
    for j, other in enumerate(others):
        places.setdefault(other.digest, []).append(j)
    found = []
    for start in range(0, len(first), ROWS):
        near = _alike(first[start : start + ROWS], others) if others else np.zeros((0, 0), dtype=bool)
        for i, row in enumerate(near, start):
            exact = set(places.get(first[i].digest, ()))
            pairs = sorted(exact | set(np.flatnonzero(row).tolist()))
            found += [
                Duplicate(first[i].path, others[j].path, j in exact) for j in pairs if second is not None or i < j
            ]
    return found


def _alike(first: Sequence[Look], second: Sequence[Look]) -> np.ndarray:
    """(len(first), len(second)) bool."""
    return (_distances(first, second) <= FAR) & (_correlations(first, second) >= ALIKE)


def _distances(first: Sequence[Look], second: Sequence[Look]) -> np.ndarray:
    """Hamming distances of the hashes, (len(first), len(second))."""
    a, b = (np.stack([one.bits for one in looks]) * np.float32(2) - 1 for looks in (first, second))
    return (a.shape[1] - a @ b.T) / 2


def _correlations(first: Sequence[Look], second: Sequence[Look]) -> np.ndarray:
    """Correlations of the thumbnails, -1..1; 0 for a thumbnail of one colour."""
    centred = []
    for looks in (first, second):
        thumbnails = np.stack([one.thumbnail for one in looks])
        thumbnails = thumbnails - thumbnails.mean(axis=1, keepdims=True)
        centred.append(thumbnails / np.maximum(np.linalg.norm(thumbnails, axis=1, keepdims=True), 1e-6))
    return centred[0] @ centred[1].T
