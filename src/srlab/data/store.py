"""A cache of decoded images in one memory-mapped file, so that cutting a patch does not decode a whole PNG.

A store is a folder of images.bin and index.json, which has checksums of both. What was damaged after it had been
written is found when it is opened, and made anew.
"""

import errno
import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from srlab.atomic_write import ABANDONED, atomic_folder, remove_abandoned
from srlab.data import checksums
from srlab.data.one_at_a_time import one_at_a_time
from srlab.errors import SrlabError

FORMAT = 3  # part of every key; raise it when the layout of the files or the way images are read changes
IMAGES, INDEX, LOCK = "images.bin", "index.json", ".{}.lock"
PATIENCE = 10  # seconds after which a store that is built says so
BLOCK, BLOCKS = 4096, 64  # bytes, and how many of such blocks are compared whenever a store is opened


class Store:
    """Images as (3, H, W) uint8 views of one file. Pickling passes only the path on.

    Attributes:
        folder: of the file and its index.
        names: of the images, at the time when the store was made.
        sizes: (images, 2), height and width.
        images: the views. Colour planes are contiguous, because flipped patches are copied faster then.
    """

    def __init__(self, folder: Path) -> None:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        self.folder = folder
        self.names: list[str] = index["names"]
        self.sizes = np.array(index["sizes"], dtype=np.int64).reshape(-1, 2)
        ends = np.cumsum(3 * self.sizes.prod(axis=1))
        data = np.memmap(folder / IMAGES, dtype=np.uint8, mode="r", shape=(int(ends[-1]),))
        # Plain arrays over the mapping: np.memmap's own slicing costs more than the copy of a patch.
        flat = np.asarray(data)
        self.images = [
            flat[end - 3 * h * w : end].reshape(3, h, w) for end, (h, w) in zip(ends, self.sizes, strict=True)
        ]

    def __len__(self) -> int:
        return len(self.images)

    def __reduce__(self) -> tuple[Any, ...]:
        return Store, (self.folder,)


class JoinedStore(Store):
    """Several stores as one, without a copy. Sets that are trained on together keep separate stores."""

    def __init__(self, stores: Sequence[Store]) -> None:
        self.stores = list(stores)
        self.names = [name for store in stores for name in store.names]
        self.sizes = np.concatenate([store.sizes for store in stores])
        self.images = [image for store in stores for image in store.images]

    def __reduce__(self) -> tuple[Any, ...]:
        return JoinedStore, (self.stores,)


def open_store(
    cache: Path,
    key: str,
    names: Sequence[str],
    sizes: Sequence[tuple[int, int]],
    read: Callable[[int], np.ndarray],
) -> Store:
    """Opens a store, and builds it first if the cache does not have it, or if it is damaged, which a line says.

    A store appears complete or not at all. If several processes need it, one builds it and the others wait.

    Args:
        cache: folder of all stores.
        key: identifies the images.
        names: of the images.
        sizes: (height, width) of the images.
        read: index -> uint8 (H, W) or (H, W, 3); called from several threads.

    Raises:
        SrlabError: the disk is full, the cache cannot be written, or an image has another size than given.
    """
    folder = cache.expanduser() / hashlib.sha256(f"{FORMAT}:{key}".encode()).hexdigest()[:32]
    if damage(folder, sizes):
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            with one_at_a_time(lock_of(folder), f"{folder}: decoding images") as alone:
                _rebuild(folder, names, sizes, read, alone)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise _full(folder.parent, sizes) from None
            raise SrlabError(
                f"{folder.parent}: cannot be written ({error}). Set data.cache to another folder."
            ) from None
    return Store(folder)


def lock_of(folder: Path) -> Path:
    """Returns the file whose lock is held by who builds or removes a store."""
    return folder.with_name(LOCK.format(folder.name))


def damage(folder: Path, sizes: Sequence[tuple[int, int]] | None = None, full: bool = False) -> str:
    """Says what is wrong with a store.

    Args:
        folder: of the store.
        sizes: (height, width) that its images must have; None for any.
        full: whether all of images.bin is compared with its SHA-256, and not only its length and some blocks.

    Returns:
        "" if the store is whole.
    """
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        facts = {key: value for key, value in index.items() if key != "check"}
        if index["check"] != checksums.of_facts(facts):
            return f"{INDEX} has changed"
        if sizes is not None and index["sizes"] != [list(size) for size in sizes]:
            return f"{INDEX} is of images of other sizes"
        return _damage_of_images(folder / IMAGES, index, full)
    except FileNotFoundError as error:
        return f"{Path(error.filename).name} is missing"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    except (ValueError, TypeError, KeyError, AttributeError):
        return f"{INDEX} is damaged"


def _damage_of_images(path: Path, index: dict[str, Any], full: bool) -> str:
    there, expected = path.stat().st_size, _bytes(index["sizes"])
    if there != expected:
        return f"{IMAGES} has {there:,} bytes of {expected:,}"
    same = checksums.of_file(path) == index["sha256"] if full else _sample(path) == index["sample"]
    return "" if same else f"{IMAGES} has changed"


def _rebuild(folder: Path, names: Sequence[str], sizes: Sequence, read: Callable, alone: bool) -> None:
    """Builds a store, in place of a damaged one, unless another process has done it meanwhile."""
    reason = damage(folder, sizes)
    if not reason:
        return
    if folder.exists():
        print(f"{folder}: {reason}. The images are decoded again.", file=sys.stderr, flush=True)
        shutil.rmtree(folder)
    remove_abandoned(folder.parent, folder.name, age=0 if alone else ABANDONED)  # of processes that were killed
    try:
        _build(folder, names, sizes, read)
    except OSError:
        if damage(folder, sizes):  # otherwise another process has built it, on a disk without locks
            raise


def _build(folder: Path, names: Sequence[str], sizes: Sequence[tuple[int, int]], read: Callable) -> None:
    if shutil.disk_usage(folder.parent).free < _bytes(sizes):
        raise _full(folder.parent, sizes)
    sha256 = hashlib.sha256()
    with atomic_folder(folder) as partial:
        with (partial / IMAGES).open("wb") as file:
            images = _with_a_line(_read_ahead(read, len(sizes)), len(sizes), folder.parent)
            for name, size, image in zip(names, sizes, images, strict=True):
                if image.shape[:2] != tuple(size):
                    raise SrlabError(f"{name}: decodes to {image.shape[:2]}, but its header says {tuple(size)}.")
                planes = image.transpose(2, 0, 1) if image.ndim == 3 else np.repeat(image[None], 3, axis=0)
                planes = np.ascontiguousarray(planes)
                sha256.update(planes.data)
                file.write(planes.data)
        facts = {
            "names": list(names),
            "sizes": [list(size) for size in sizes],
            "sha256": sha256.hexdigest(),
            "sample": _sample(partial / IMAGES),
        }
        index = json.dumps({**facts, "check": checksums.of_facts(facts)})
        (partial / INDEX).write_text(index, encoding="utf-8", newline="")


def _read_ahead(read: Callable[[int], np.ndarray], count: int) -> Iterator[np.ndarray]:
    """Yields read(0), read(1), ..., and reads ahead in threads: decoding and resizing release Python's lock."""
    workers = os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, count, 2 * workers):
            yield from pool.map(read, range(start, min(start + 2 * workers, count)))


def _with_a_line(images: Iterator[np.ndarray], count: int, cache: Path) -> Iterator[np.ndarray]:
    """Yields the images; says once, where they take long, how long."""
    began, said = time.monotonic(), False
    for done, image in enumerate(images, 1):
        passed = time.monotonic() - began
        if passed > PATIENCE and done < count and not said:
            left = passed / done * (count - done)
            print(f"{cache}: stores {count:,} images once, about {left:.0f} s to go", file=sys.stderr, flush=True)
            said = True
        yield image


def _sample(path: Path) -> str:
    """Hashes blocks spread evenly over a file, the last one among them; all of a small file."""
    last = max(0, path.stat().st_size - BLOCK)
    steps = min(BLOCKS, -(-last // BLOCK))
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        for place in (last * step // steps if steps else 0 for step in range(steps + 1)):
            file.seek(place)
            digest.update(file.read(BLOCK))
    return digest.hexdigest()


def _bytes(sizes: Sequence[Sequence[int]]) -> int:
    return 3 * sum(h * w for h, w in sizes)


def _full(cache: Path, sizes: Sequence[tuple[int, int]]) -> SrlabError:
    return SrlabError(
        f"{cache}: the disk is full; the decoded images need {_bytes(sizes) / 1e9:.2f} GB. "
        f"Free some space, or set data.cache (or SRLAB_CACHE) to a folder on another disk."
    )
