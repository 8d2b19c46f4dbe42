"""Whole images to measure on: the benchmarks, folders, and the embedded photos."""

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from srlab.data import photos
from srlab.data.batch import Pair
from srlab.data.catalog import (
    BENCHMARKS,
    CATALOG,
    CatalogEntry,
    find_set,
    hr_files,
    lr_file,
    no_track,
    parts_of,
    present,
    sets_with,
)
from srlab.errors import SrlabError
from srlab.imaging.crop import crop_to_multiple
from srlab.imaging.files import read_image
from srlab.imaging.resize import resized
from srlab.metrics.protocol import Protocol


@dataclass(frozen=True)
class Picture:
    """One HR image, read when needed, and where its LR files would be."""

    name: str
    read: Callable[[], np.ndarray]
    lr_path: Callable[[int], Path | None] = lambda scale: None


@dataclass(frozen=True)
class ImageSet:
    """A named list of images; `pairs` is what evaluation and validation loop over.

    degradation: what the LR images were made by. entry: the set of the catalog that the images are.
    """

    name: str
    pictures: tuple[Picture, ...]
    degradation: str = "bicubic"
    entry: CatalogEntry | None = None

    def first(self, most: int) -> "ImageSet":
        """At most so many of its images."""
        return ImageSet(self.name, self.pictures[:most], self.degradation, self.entry)

    def pair(self, index: int, scale: int, protocol: Protocol) -> Pair:
        """One image under a protocol.

        Raises SrlabError where the set's LR file does not match its HR image, or is missing and cannot be made, or is
        not what the protocol would measure.
        """
        self._check_protocol(protocol)
        picture = self.pictures[index]
        hr = crop_to_multiple(picture.read(), scale)
        path = picture.lr_path(scale)
        lr = read_image(path) if path is not None and path.is_file() else None
        if lr is not None:
            check_lr(f"{self.name}: {path}", lr.shape, f"{picture.name}", hr.shape, scale)
            lr = _with_channels_of(hr, lr)
        return Pair(picture.name, protocol.low_resolution(hr, scale, lr), protocol.reference(hr), scale)

    def check(self, scales: Sequence[int], protocol: Protocol) -> None:
        """Raises SrlabError, before anything is measured, for scales and protocols that its LR images rule out."""
        self._check_protocol(protocol)
        for scale in scales:
            self.pictures[0].lr_path(scale)

    def _check_protocol(self, protocol: Protocol) -> None:
        if self.degradation != "bicubic" and protocol.method_sees == "luma":
            raise SrlabError(
                f"protocol={protocol.name} shrinks Y itself and does not see the LR files of "
                f"data.degradation={self.degradation}. Choose protocol=luma, rgb or div2k."
            )

    def pairs(self, scale: int, protocol: Protocol) -> Iterator[Pair]:
        return (self.pair(index, scale, protocol) for index in range(len(self.pictures)))


def _with_channels_of(hr: np.ndarray, lr: np.ndarray) -> np.ndarray:
    """Some tools save a grey picture's LR file as RGB, and some the other way round."""
    if lr.ndim == hr.ndim:
        return lr
    return lr[..., 0] if hr.ndim == 2 else np.repeat(lr[..., None], 3, axis=2)


def check_lr(lr_name: str, lr: tuple[int, ...], hr_name: str, hr: tuple[int, ...], scale: int) -> None:
    """Raises SrlabError unless an LR image has the size that its HR image, at least (h, w), needs at that scale."""
    expected = (hr[0] // scale, hr[1] // scale)
    if lr[:2] != expected:
        other = scale_of(lr, hr)
        raise SrlabError(
            f"{lr_name} is {lr[1]}x{lr[0]}, but {hr_name} ({hr[1]}x{hr[0]}) at x{scale} needs "
            f"{expected[1]}x{expected[0]}{f'; it is an image of x{other}' if other else ''}. "
            f"Get the set again, or remove its LR folder to have it made from HR."
        )


def scale_of(lr: tuple[int, ...], hr: tuple[int, ...]) -> int | None:
    """The scale from 1 to 16 that relates two sizes, at least (h, w), whichever way sides are rounded; else None."""
    for scale in range(1, 17):
        if all(low in (high // scale, resized(high, 1 / scale)) for low, high in zip(lr[:2], hr[:2], strict=True)):
            return scale
    return None


def catalog_set(entry: CatalogEntry, root: Path, degradation: str = "bicubic") -> ImageSet:
    """A set of the catalog, under its name and, but for bicubic LR, that of the degradation.

    Raises SrlabError where it is missing or incomplete, or has no such LR files.
    """

    def picture(part: CatalogEntry, path: Path) -> Picture:
        return Picture(
            path.stem,
            functools.partial(read_image, path),
            lambda scale: lr_file(part, root, degradation, scale, path.stem),
        )

    if degradation != "bicubic" and entry.name not in sets_with(degradation):
        raise no_track(entry.name, degradation)
    pictures = tuple(picture(part, path) for part in parts_of(entry) for path in hr_files(part, root))
    name = entry.name if degradation == "bicubic" else f"{entry.name}_{degradation}"
    return ImageSet(name, pictures, degradation, entry)


def folder_set(name: str, files: list[Path]) -> ImageSet:
    """Any images; their LR is made by exact bicubic."""
    return ImageSet(name, tuple(Picture(str(path), functools.partial(read_image, path)) for path in files))


def photo_set(name: str, titles: tuple[str, ...]) -> ImageSet:
    """Photos that come with scikit-image."""
    return ImageSet(name, tuple(Picture(title, functools.partial(photos.photo, title)) for title in titles))


def evaluation_sets(names: str | list[str] | None, root: Path, degradation: str = "bicubic") -> list[ImageSet]:
    """The sets to measure on, with LR images of a degradation.

    None, or no name: the benchmarks that are under root, else the sample photos; for another degradation than bicubic,
    DIV2K's validation images. Raises SrlabError for an unknown set, one that is not there, or one that has no such LR.
    """
    if isinstance(names, str):
        names = [names]
    if not names and degradation != "bicubic":
        names = ["div2k_valid"]
    if not names:
        names = [name for name in BENCHMARKS if present(CATALOG[name], root)] or ["sample"]
    return [_named_set(name, root, degradation) for name in names]


def _named_set(name: str, root: Path, degradation: str) -> ImageSet:
    if name != "sample":
        return catalog_set(find_set(name, ["sample"]), root, degradation)
    if degradation != "bicubic":
        raise no_track(name, degradation)
    return photo_set("sample", photos.TEST)
