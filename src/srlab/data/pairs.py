"""Whole images to measure on: the benchmarks, folders, and the embedded photos."""

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from srlab.data import photos
from srlab.data.batch import Pair
from srlab.data.catalog import BENCHMARKS, CATALOG, CatalogEntry, find_set, hr_folder, present
from srlab.data.images import list_images, read_image
from srlab.errors import SrlabError
from srlab.metrics.protocol import Protocol


@dataclass(frozen=True)
class Picture:
    """One HR image, read when needed, and where its LR files would be."""

    name: str
    read: Callable[[], np.ndarray]
    lr_path: Callable[[int], Path | None] = lambda scale: None


@dataclass(frozen=True)
class ImageSet:
    """A named list of images; `pairs` is what evaluation and validation loop over."""

    name: str
    pictures: tuple[Picture, ...]

    def pair(self, index: int, scale: int, protocol: Protocol) -> Pair:
        """One image under a protocol. Raises SrlabError where the set's LR file does not match its HR image."""
        picture = self.pictures[index]
        hr = crop_to_multiple(picture.read(), scale)
        path = picture.lr_path(scale)
        lr = read_image(path) if path is not None and path.is_file() else None
        if lr is not None:
            check_lr(f"{self.name}: {path}", lr.shape, f"{picture.name}", hr.shape, scale)
            lr = _with_channels_of(hr, lr)
        return Pair(picture.name, protocol.low_resolution(hr, scale, lr), protocol.reference(hr), scale)

    def pairs(self, scale: int, protocol: Protocol) -> Iterator[Pair]:
        return (self.pair(index, scale, protocol) for index in range(len(self.pictures)))


def _with_channels_of(hr: np.ndarray, lr: np.ndarray) -> np.ndarray:
    """Some tools save a grey picture's LR file as RGB, and some the other way round."""
    if lr.ndim == hr.ndim:
        return lr
    return lr[..., 0] if hr.ndim == 2 else np.repeat(lr[..., None], 3, axis=2)


def crop_to_multiple(image: np.ndarray, scale: int) -> np.ndarray:
    """The top left part whose sides are multiples of scale ("modcrop")."""
    height, width = image.shape[:2]
    return image[: height - height % scale, : width - width % scale]


def check_lr(lr_name: str, lr: tuple[int, ...], hr_name: str, hr: tuple[int, ...], scale: int) -> None:
    """Raises SrlabError unless an LR image has the size that its HR image, at least (h, w), needs at that scale."""
    expected = (hr[0] // scale, hr[1] // scale)
    if lr[:2] != expected:
        raise SrlabError(
            f"{lr_name} is {lr[1]}x{lr[0]}, but {hr_name} ({hr[1]}x{hr[0]}) at x{scale} needs "
            f"{expected[1]}x{expected[0]}. Get the set again, or remove its LR folder to have it made from HR."
        )


def catalog_set(entry: CatalogEntry, root: Path) -> ImageSet:
    """A set of the catalog. Raises SrlabError where it is missing or incomplete."""
    files = list_images(hr_folder(entry, root))
    if len(files) != entry.count:
        raise SrlabError(
            f"{entry.name}: {root / entry.hr} has {len(files)} images, but {entry.title} has {entry.count}; "
            f"an average over another set would not be comparable. Get it again from {entry.source}."
        )

    def picture(path: Path) -> Picture:
        return Picture(
            path.stem,
            lambda: read_image(path),
            lambda scale: root / entry.lr.format(scale=scale, stem=path.stem),
        )

    return ImageSet(entry.name, tuple(picture(path) for path in files))


def folder_set(name: str, files: list[Path]) -> ImageSet:
    """Any images; their LR is made by exact bicubic."""
    return ImageSet(name, tuple(Picture(str(path), functools.partial(read_image, path)) for path in files))


def photo_set(name: str, titles: tuple[str, ...]) -> ImageSet:
    """Photos that come with scikit-image."""
    return ImageSet(name, tuple(Picture(title, functools.partial(photos.photo, title)) for title in titles))


def evaluation_sets(names: str | list[str] | None, root: Path) -> list[ImageSet]:
    """The sets to measure on. None, or no name: the benchmarks that are under root, else the sample photos.

    Raises SrlabError for an unknown set, or one that is not there.
    """
    if isinstance(names, str):
        names = [names]
    if not names:
        names = [name for name in BENCHMARKS if present(CATALOG[name], root)] or ["sample"]
    return [
        photo_set("sample", photos.TEST) if name == "sample" else catalog_set(find_set(name), root) for name in names
    ]
