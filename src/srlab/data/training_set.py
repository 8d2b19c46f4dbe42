"""Sets of training images: HR images, their LR files or degradation, and their stores."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from srlab.data.catalog import CatalogEntry
from srlab.data.degradations import BICUBIC, Degradation, find_degradation
from srlab.data.identity import identity
from srlab.data.image_sets import check_lr
from srlab.data.lr_folders import all_or_none
from srlab.data.sources import Source
from srlab.data.store import JoinedStore, Store, open_store
from srlab.data.synthetic import synthetic_image
from srlab.errors import SrlabError
from srlab.imaging.crop import crop_to_multiple
from srlab.imaging.files import image_size, read_image


@dataclass(frozen=True)
class TrainingSet:
    """HR images, and their LR files if there are any.

    Attributes:
        key: identifies the HR images by their content.
        names: of the HR images.
        sizes: (height, width) of the HR images.
        read: index -> HR image, uint8 (H, W) or (H, W, 3).
        lr_path: (scale, LR index) -> where the LR file is or would be, or None.
        versions: number of LR images for every HR image; LR image i shows HR image i // versions.
        degradation: makes LR images that have no file.
        entry: the set of the catalog that the images are from, if any.
        parts: the sets that this one joins, one after the other; each has stores of its own.
    """

    key: str
    names: Sequence[str]
    sizes: Sequence[tuple[int, int]]
    read: Callable[[int], np.ndarray]
    lr_path: Callable[[int, int], Path | None] = lambda scale, index: None
    versions: int = 1
    degradation: Degradation = BICUBIC
    entry: CatalogEntry | None = None
    parts: "tuple[TrainingSet, ...]" = ()

    @property
    def entries(self) -> list[CatalogEntry]:
        """The sets of the catalog that the images are from."""
        return [part.entry for part in self.parts or (self,) if part.entry is not None]

    def hr_store(self, cache: Path) -> Store:
        if self.parts:
            return JoinedStore([part.hr_store(cache) for part in self.parts])
        return open_store(cache, f"hr:{self.key}", self.names, self.sizes, self.read)

    def lr_store(self, cache: Path, scale: int) -> Store:
        """Opens the LR images: the set's LR files, or else what the degradation makes, without its random part.

        Returns:
            A store of versions * len(names) images.

        Raises:
            SrlabError: LR files are missing or have a wrong size, or the degradation does not have the scale.
        """
        if self.parts:
            return JoinedStore([part.lr_store(cache, scale) for part in self.parts])
        names = [name for name in self.names for _ in range(self.versions)]
        hr_sizes = [size for size in self.sizes for _ in range(self.versions)]
        sizes = [(h // scale, w // scale) for h, w in hr_sizes]
        there = self._lr_files(scale)
        if not there:
            self.degradation.check_scales([scale])
            key = f"{self.degradation.shrunk_by}{scale}:{self.key}"
            return open_store(cache, key, names, sizes, self._shrunk(self.hr_store(cache), scale))
        for path, name, size in zip(there, names, hr_sizes, strict=True):
            check_lr(str(path), image_size(path), name, size, scale)
        return open_store(cache, f"lr:{identity(there, cache)}", names, sizes, lambda i: read_image(there[i]))

    def lr_keys(self, cache: Path, scale: int) -> list[str]:
        """Returns what identifies the content of the LR files at a scale, for each set; "" where there are none."""
        if self.parts:
            return [key for part in self.parts for key in part.lr_keys(cache, scale)]
        there = self._lr_files(scale)
        return [identity(there, cache) if there else ""]

    def _lr_files(self, scale: int) -> list[Path]:
        """All LR files at a scale, or none. Raises SrlabError where some are missing."""
        return all_or_none([self.lr_path(scale, index) for index in range(self.versions * len(self.names))], scale)

    def _shrunk(self, hr: Store, scale: int) -> Callable[[int], np.ndarray]:
        """From the stored HR images: to decode or to generate them once more takes longer than all else."""
        return lambda index: self.degradation.shrink(
            crop_to_multiple(hr.images[index // self.versions].transpose(1, 2, 0), scale), scale
        )


def of_source(source: Source, cache: Path | None = None) -> TrainingSet:
    """Returns the images of one source. Raises SrlabError for an image that cannot be read."""
    versions = source.versions
    return replace(
        from_files(source.files, cache),
        lr_path=lambda scale, index: source.lr_path(source.files[index // versions], scale, index % versions + 1),
        versions=versions,
        degradation=find_degradation(source.degradation),
        entry=source.entry,
    )


def from_sources(sources: Sequence[Source], cache: Path | None = None) -> TrainingSet:
    """Returns the images of several sources as one set. A source without files is left out.

    Args:
        sources: of the images.
        cache: folder of all stores, which remembers hashes of images; None: all images are read.
    """
    parts = [of_source(source, cache) for source in sources if source.files]
    if len(parts) == 1:
        return parts[0]
    return join(parts, hashlib.sha256("\n".join(part.key for part in parts).encode()).hexdigest())


def join(parts: Sequence[TrainingSet], key: str) -> TrainingSet:
    """Returns several sets as one. Raises SrlabError if they have different numbers of LR images for an HR image."""
    if len({part.versions for part in parts}) > 1:
        numbers = " but ".join(f"{part.entry.name if part.entry else 'a folder'} {part.versions}" for part in parts)
        raise SrlabError(f"data.train: of LR images for every HR image, {numbers}. Train on sets of one kind.")
    places = [(part, index) for part in parts for index in range(len(part.names))]
    names = [part.names[index] for part, index in places]
    sizes = [part.sizes[index] for part, index in places]

    def read(index: int) -> np.ndarray:
        part, place = places[index]
        return part.read(place)

    versions, degradation = parts[0].versions, parts[0].degradation
    return TrainingSet(key, names, sizes, read, versions=versions, degradation=degradation, parts=tuple(parts))


def from_files(files: Sequence[Path], cache: Path | None = None) -> TrainingSet:
    """Returns image files as a set; `cache` as in `from_sources`. Raises SrlabError for one that cannot be read."""
    sizes, names = [image_size(path) for path in files], [str(path) for path in files]
    return TrainingSet(identity(files, cache), names, sizes, lambda index: read_image(files[index]))


def synthetic(count: int, size: int, seed: int = 0, degradation: Degradation = BICUBIC) -> TrainingSet:
    """Returns generated images.

    Args:
        count: of images.
        size: of their sides.
        seed: of the images; not the run's, so that runs of several seeds share one store.
        degradation: of the LR images.
    """
    names = [f"synthetic_{index:05d}" for index in range(count)]
    return TrainingSet(
        f"synthetic-1:{count}:{size}:{seed}",
        names,
        [(size, size)] * count,
        lambda index: synthetic_image(index, size, seed),
        degradation=degradation,
    )


def without_small(images: TrainingSet, least: int, policy: str) -> TrainingSet:
    """Returns the images whose sides are at least `least`.

    Raises:
        SrlabError: an image is smaller and `policy` is not "skip", or all images are.
    """
    if policy not in ("error", "skip"):
        raise SrlabError(f"data.small_images={policy}: expected error or skip.")
    small = [i for i, size in enumerate(images.sizes) if min(size) < least]
    if not small:
        return images
    if policy == "error" or len(small) == len(images.sizes):
        h, w = images.sizes[small[0]]
        raise SrlabError(
            f"{images.names[small[0]]}: {w}x{h} is smaller than the {least}x{least} HR patch "
            f"({len(small)} such images). Set data.patch_size lower, or leave them out: data.small_images=skip."
        )
    key = f"{images.key}:from{least}"
    if images.parts:
        large = [part for part in images.parts if any(min(size) >= least for size in part.sizes)]
        return join([without_small(part, least, policy) for part in large], key)
    return _some(images, sorted(set(range(len(images.sizes))) - set(small)), key)


def _some(images: TrainingSet, kept: Sequence[int], key: str) -> TrainingSet:
    """Returns the images of some indices."""
    versions = images.versions
    return replace(
        images,
        key=key,
        names=[images.names[i] for i in kept],
        sizes=[images.sizes[i] for i in kept],
        read=lambda index: images.read(kept[index]),
        lr_path=lambda scale, index: images.lr_path(scale, kept[index // versions] * versions + index % versions),
    )
