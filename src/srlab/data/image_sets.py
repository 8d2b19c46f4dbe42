"""Whole images to measure on, and how each becomes a pair of LR and HR under a protocol."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from srlab.data.batch import Pair
from srlab.data.catalog import CatalogEntry
from srlab.data.degradations import draws_for_image, find_degradation
from srlab.data.lr_folders import all_or_none
from srlab.errors import SrlabError
from srlab.imaging.crop import crop_to_multiple
from srlab.imaging.files import read_image, to_tensor
from srlab.imaging.resize import resized
from srlab.metrics.protocol import Protocol


@dataclass(frozen=True)
class Picture:
    """One HR image.

    Attributes:
        name: in results.
        read: reads it, uint8 (H, W) or (H, W, 3).
        lr_path: scale -> where its LR file is or would be; None if it is made from HR.
    """

    name: str
    read: Callable[[], np.ndarray]
    lr_path: Callable[[int], Path | None] = lambda scale: None


@dataclass(frozen=True)
class ImageSet:
    """A named list of images to measure on.

    Attributes:
        name: in tables and file names.
        pictures: the HR images.
        degradation: of the LR images.
        entry: the set of the catalog that the images are from, if any.
        notes: lines to print once, such as LR files that are not used.
    """

    name: str
    pictures: tuple[Picture, ...]
    degradation: str = "bicubic"
    entry: CatalogEntry | None = None
    notes: tuple[str, ...] = ()

    def first(self, most: int) -> "ImageSet":
        """Returns the set with its first `most` images only."""
        return replace(self, pictures=self.pictures[:most])

    def pair(self, index: int, scale: int, protocol: Protocol) -> Pair:
        """Prepares one image: from the set's LR file if there is one and the protocol uses it, else by the degradation.

        Args:
            index: of the image.
            scale: HR over LR side.
            protocol: what the method sees.

        Raises:
            SrlabError: an LR file has a wrong size, or is missing and cannot be made.
        """
        self._check_protocol(protocol)
        picture = self.pictures[index]
        hr = crop_to_multiple(picture.read(), scale)
        reference, degradation = protocol.reference(hr), find_degradation(self.degradation)
        if (file := self._lr_file(picture, scale, protocol)) is not None:
            lr = read_image(file)
            check_lr(f"{self.name}: {file}", lr.shape, f"{picture.name}", hr.shape, scale)
            lr, condition = _with_channels_of(reference, lr), degradation.condition
        else:
            draws = draws_for_image(Path(picture.name).name, scale)
            lr, condition = degradation(protocol.degraded(hr), scale, draws)
        codes = None if condition is None else torch.from_numpy(condition)[None]
        return Pair(picture.name, to_tensor(lr), reference, scale, codes)

    def _lr_file(self, picture: Picture, scale: int, protocol: Protocol) -> Path | None:
        """Returns the LR file of an image, if it exists and the method sees LR files under this protocol."""
        path = picture.lr_path(scale)
        return path if path is not None and path.is_file() and protocol.uses_lr_files else None

    def check(self, scales: Sequence[int], protocol: Protocol) -> None:
        """Checks, before anything is measured, that there are LR images of these scales.

        Raises:
            SrlabError: the degradation or its files do not have a scale, some LR files are missing, or the degradation
                has only files and the protocol does not use them.
        """
        self._check_protocol(protocol)
        find_degradation(self.degradation).check_scales(scales)
        for scale in scales:
            paths = [picture.lr_path(scale) for picture in self.pictures]
            if protocol.uses_lr_files:
                all_or_none(paths, scale)

    def _check_protocol(self, protocol: Protocol) -> None:
        if find_degradation(self.degradation).needs_files and not protocol.uses_lr_files:
            shrunk = "Y" if protocol.method_sees == "luma" else "images"
            raise SrlabError(
                f"protocol={protocol.name} shrinks {shrunk} itself and does not see the LR files of "
                f"data.degradation={self.degradation}. Choose protocol=luma, rgb or div2k."
            )

    def pairs(self, scale: int, protocol: Protocol) -> Iterator[Pair]:
        return (self.pair(index, scale, protocol) for index in range(len(self.pictures)))


def _with_channels_of(hr: np.ndarray, lr: np.ndarray) -> np.ndarray:
    """Makes an LR image grey or RGB as its HR image is: some tools save grey LR files as RGB, or the reverse."""
    if lr.ndim == hr.ndim:
        return lr
    return lr[..., 0] if hr.ndim == 2 else np.repeat(lr[..., None], 3, axis=2)


def check_lr(lr_name: str, lr: tuple[int, ...], hr_name: str, hr: tuple[int, ...], scale: int) -> None:
    """Checks the size of an LR image.

    Args:
        lr_name: for the error.
        lr: its shape, (h, w, ...).
        hr_name: for the error.
        hr: the HR image's shape, (H, W, ...).
        scale: HR over LR side.

    Raises:
        SrlabError: it is not the HR size divided by the scale, rounded down.
    """
    expected = (hr[0] // scale, hr[1] // scale)
    if lr[:2] != expected:
        other = scale_of(lr, hr)
        raise SrlabError(
            f"{lr_name} is {lr[1]}x{lr[0]}, but {hr_name} ({hr[1]}x{hr[0]}) at x{scale} needs "
            f"{expected[1]}x{expected[0]}{f'; it is an image of x{other}' if other else ''}. "
            f"Get the set again, or remove its LR folder to have it made from HR."
        )


def scale_of(lr: tuple[int, ...], hr: tuple[int, ...]) -> int | None:
    """Returns the scale from 1 to 16 by which two shapes, (h, w, ...), differ, rounded up or down; None if no scale."""
    for scale in range(1, 17):
        if all(low in (high // scale, resized(high, 1 / scale)) for low, high in zip(lr[:2], hr[:2], strict=True)):
            return scale
    return None
