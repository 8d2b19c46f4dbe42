"""A cache of decoded images in one memory-mapped file, so that cutting a patch does not decode a whole PNG."""

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from srlab.errors import SrlabError

FORMAT = 1  # part of every key; raise it when the layout of the file changes


class Store:
    """Images as (3, H, W) uint8 views of one file. Pickling passes only the path on.

    Attributes:
        folder: of the file and its index.
        names: of the images.
        sizes: (images, 2), height and width.
        images: the views. Colour planes are contiguous, because flipped patches are copied faster then.
    """

    def __init__(self, folder: Path) -> None:
        index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        self.folder = folder
        self.names: list[str] = index["names"]
        self.sizes = np.array(index["sizes"], dtype=np.int64).reshape(-1, 2)
        ends = np.cumsum(3 * self.sizes.prod(axis=1))
        data = np.memmap(folder / "images.bin", dtype=np.uint8, mode="r", shape=(int(ends[-1]),))
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


def signature(paths: Sequence[Path]) -> str:
    """Returns a key of some files: it changes if a file is added, removed or written (by path, size and time)."""
    facts = [(str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns) for path in paths]
    return hashlib.sha256(repr(facts).encode()).hexdigest()


def open_store(
    cache: Path,
    key: str,
    names: Sequence[str],
    sizes: Sequence[tuple[int, int]],
    read: Callable[[int], np.ndarray],
) -> Store:
    """Opens a store, and builds it first if the cache does not have it.

    A store appears complete or not at all, and two processes can build the same one at a time.

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
    if not (folder / "index.json").is_file():
        try:
            _build(folder, names, sizes, read)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise _full(folder.parent, sizes) from None
            raise SrlabError(
                f"{folder.parent}: cannot be written ({error}). Set data.cache to another folder."
            ) from None
    return Store(folder)


def _build(folder: Path, names: Sequence[str], sizes: Sequence[tuple[int, int]], read: Callable) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(folder.parent).free < _bytes(sizes):
        raise _full(folder.parent, sizes)
    partial = Path(tempfile.mkdtemp(prefix=".building-", dir=folder.parent))
    try:
        with (partial / "images.bin").open("wb") as file:
            for name, size, image in zip(names, sizes, _read_ahead(read, len(sizes)), strict=True):
                if image.shape[:2] != tuple(size):
                    raise SrlabError(f"{name}: decodes to {image.shape[:2]}, but its header says {tuple(size)}.")
                planes = image.transpose(2, 0, 1) if image.ndim == 3 else np.repeat(image[None], 3, axis=0)
                file.write(np.ascontiguousarray(planes).data)
            file.flush()
            os.fsync(file.fileno())
        index = json.dumps({"names": list(names), "sizes": [list(s) for s in sizes]})
        (partial / "index.json").write_text(index, encoding="utf-8", newline="")
        try:
            partial.rename(folder)
        except OSError:
            if not (folder / "index.json").is_file():  # otherwise another process has built the same store meanwhile
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _read_ahead(read: Callable[[int], np.ndarray], count: int) -> Iterator[np.ndarray]:
    """Yields read(0), read(1), ..., and reads ahead in threads: decoding and resizing release Python's lock."""
    workers = os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, count, 2 * workers):
            yield from pool.map(read, range(start, min(start + 2 * workers, count)))


def _bytes(sizes: Sequence[tuple[int, int]]) -> int:
    return 3 * sum(h * w for h, w in sizes)


def _full(cache: Path, sizes: Sequence[tuple[int, int]]) -> SrlabError:
    return SrlabError(
        f"{cache}: the disk is full; the decoded images need {_bytes(sizes) / 1e9:.2f} GB. "
        f"Free some space, or set data.cache (or SRLAB_CACHE) to a folder on another disk."
    )
