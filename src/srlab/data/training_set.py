"""Where training images come from, and their stores."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from srlab.data.catalog import CATALOG, hr_folder
from srlab.data.images import image_size, list_images, read_image
from srlab.data.pairs import check_lr, crop_to_multiple
from srlab.data.resize import imresize
from srlab.data.store import Store, open_store, signature
from srlab.data.synthetic import synthetic_image
from srlab.errors import SrlabError


@dataclass(frozen=True)
class TrainingSet:
    """HR images by index, and their LR files where there are any.

    key: changes with the content. lr_path: (scale, index) -> where the LR file would be, or None.
    """

    key: str
    names: Sequence[str]
    sizes: Sequence[tuple[int, int]]
    read: Callable[[int], np.ndarray]
    lr_path: Callable[[int, int], Path | None] = lambda scale, index: None

    def hr_store(self, cache: Path) -> Store:
        return open_store(cache, f"hr:{self.key}", self.names, self.sizes, self.read)

    def lr_store(self, cache: Path, scale: int) -> Store:
        """LR from the set's own files where it has them, else made from HR by exact bicubic."""
        sizes = [(h // scale, w // scale) for h, w in self.sizes]
        files = [self.lr_path(scale, index) for index in range(len(self.names))]
        there = [path for path in files if path is not None and path.is_file()]
        if not there:
            return open_store(cache, f"bicubic{scale}:{self.key}", self.names, sizes, self._shrunk(scale))
        if len(there) < len(files):
            lost = next(path for path in files if path not in there)
            raise SrlabError(
                f"{lost}: missing, while {len(there)} other LR files of x{scale} are there. Get the set again."
            )
        for path, name, size in zip(there, self.names, self.sizes, strict=True):
            check_lr(str(path), image_size(path), name, size, scale)
        return open_store(cache, f"lr:{signature(there)}", self.names, sizes, lambda i: read_image(there[i]))

    def _shrunk(self, scale: int) -> Callable[[int], np.ndarray]:
        return lambda index: imresize(crop_to_multiple(self.read(index), scale), 1 / scale)


def from_files(files: Sequence[Path], lr_path: Callable[[int, int], Path | None] | None = None) -> TrainingSet:
    """Image files. Raises SrlabError for one that cannot be read."""
    sizes = [image_size(path) for path in files]
    plain = TrainingSet(signature(files), [str(path) for path in files], sizes, lambda index: read_image(files[index]))
    return plain if lr_path is None else TrainingSet(plain.key, plain.names, plain.sizes, plain.read, lr_path)


def from_folders(folders: Sequence[str]) -> list[Path]:
    """Every image of some folders, in their order."""
    if not folders:
        raise SrlabError("data=folder needs data.train=[DIR,...]: folders of HR images.")
    return list(dict.fromkeys(path.resolve() for folder in folders for path in list_images(Path(folder).expanduser())))


def div2k(root: Path) -> TrainingSet:
    """DIV2K's training images and, where they are there, its LR files."""
    entry = CATALOG["div2k_train"]
    files = list_images(hr_folder(entry, root))
    return from_files(files, lambda scale, index: root / entry.lr.format(scale=scale, stem=files[index].stem))


def synthetic(count: int, size: int, seed: int = 0) -> TrainingSet:
    """Generated images. The run's seed does not change them, so runs of several seeds share one store."""
    names = [f"synthetic_{index:05d}" for index in range(count)]
    return TrainingSet(
        f"synthetic-1:{count}:{size}:{seed}", names, [(size, size)] * count, lambda i: synthetic_image(i, size, seed)
    )


def without_small(images: TrainingSet, least: int, policy: str) -> TrainingSet:
    """The images whose sides are at least `least`. Raises SrlabError for a smaller one unless policy is "skip"."""
    if policy not in ("error", "skip"):
        raise SrlabError(f"data.small_images={policy}: expected error or skip.")
    kept = [i for i, size in enumerate(images.sizes) if min(size) >= least]
    if len(kept) == len(images.sizes):
        return images
    if policy == "error" or not kept:
        i = next(i for i in range(len(images.sizes)) if i not in set(kept))
        h, w = images.sizes[i]
        raise SrlabError(
            f"{images.names[i]}: {w}x{h} is smaller than the {least}x{least} HR patch "
            f"({len(images.sizes) - len(kept)} such images). "
            f"Set data.patch_size lower, or leave them out: data.small_images=skip."
        )
    return TrainingSet(
        f"{images.key}:from{least}",
        [images.names[i] for i in kept],
        [images.sizes[i] for i in kept],
        lambda index: images.read(kept[index]),
        lambda scale, index: images.lr_path(scale, kept[index]),
    )
