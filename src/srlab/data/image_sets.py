"""Whole images to measure on, and how each becomes a pair of LR and HR under a protocol."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

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
    """One HR image, read when needed, and where its LR files would be."""

    name: str
    read: Callable[[], np.ndarray]
    lr_path: Callable[[int], Path | None] = lambda scale: None


@dataclass(frozen=True)
class ImageSet:
    """A named list of images; `pairs` is what evaluation and validation loop over.

    degradation: what the LR images were made by. entry: the set of the catalog that the images are. notes: lines to be
    said once, such as LR files that are not used.
    """

    name: str
    pictures: tuple[Picture, ...]
    degradation: str = "bicubic"
    entry: CatalogEntry | None = None
    notes: tuple[str, ...] = ()

    def first(self, most: int) -> "ImageSet":
        """At most so many of its images."""
        return replace(self, pictures=self.pictures[:most])

    def pair(self, index: int, scale: int, protocol: Protocol) -> Pair:
        """One image under a protocol.

        Raises SrlabError where the set's LR file does not match its HR image, or is missing and cannot be made, or is
        not what the protocol would measure.
        """
        self._check_protocol(protocol)
        picture = self.pictures[index]
        hr = crop_to_multiple(picture.read(), scale)
        condition = None
        if (file := self._lr_file(picture, scale, protocol)) is not None:
            lr = read_image(file)
            check_lr(f"{self.name}: {file}", lr.shape, f"{picture.name}", hr.shape, scale)
            lr = _with_channels_of(hr, lr)
        else:
            draws = draws_for_image(Path(picture.name).name, scale)
            lr, condition = find_degradation(self.degradation)(protocol.degraded(hr), scale, draws)
        codes = None if condition is None else torch.from_numpy(condition)[None]
        return Pair(picture.name, as_input(lr), protocol.reference(hr), scale, codes)

    def _lr_file(self, picture: Picture, scale: int, protocol: Protocol) -> Path | None:
        """The set's own LR image, where it has one and the method sees it."""
        path = picture.lr_path(scale)
        return path if path is not None and path.is_file() and protocol.method_sees == "image" else None

    def check(self, scales: Sequence[int], protocol: Protocol) -> None:
        """Checks before anything is measured that there are LR images of these scales, as the protocol takes them.

        Raises:
            SrlabError: the degradation or its files do not have a scale, some LR files are missing, or the protocol
                does not use LR files although the degradation has nothing else.
        """
        self._check_protocol(protocol)
        find_degradation(self.degradation).check_scales(scales)
        for scale in scales:
            paths = [picture.lr_path(scale) for picture in self.pictures]
            if protocol.method_sees == "image":
                all_or_none(paths, scale)

    def _check_protocol(self, protocol: Protocol) -> None:
        if find_degradation(self.degradation).needs_files and protocol.method_sees == "luma":
            raise SrlabError(
                f"protocol={protocol.name} shrinks Y itself and does not see the LR files of "
                f"data.degradation={self.degradation}. Choose protocol=luma, rgb or div2k."
            )

    def pairs(self, scale: int, protocol: Protocol) -> Iterator[Pair]:
        return (self.pair(index, scale, protocol) for index in range(len(self.pictures)))


def as_input(lr: np.ndarray) -> Tensor:
    """uint8, or floating point in [0, 1], (h, w) or (h, w, 3) -> (1, C, h, w) float32 in [0, 1], as methods take it."""
    if lr.dtype == np.uint8:
        return to_tensor(lr)
    planes = lr[None] if lr.ndim == 2 else lr.transpose(2, 0, 1)
    return torch.from_numpy(np.ascontiguousarray(planes))[None].float()


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
