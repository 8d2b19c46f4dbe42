"""Checks the decoded images in the cache in full, and removes stores that are damaged: runs make them anew."""

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from srlab.data.one_at_a_time import one_at_a_time
from srlab.data.store import INDEX, damage, lock_of
from srlab.errors import SrlabError


@dataclass(frozen=True)
class StoreState:
    """A store in the cache.

    Attributes:
        folder: of the store.
        origin: of its images, such as "800 images of DIR"; "" if that cannot be read.
        bytes: that it takes on the disk.
        damage: what is wrong with it; "" if it is whole.
        older: whether it is of an older version of srlab, which this one does not read.
    """

    folder: Path
    origin: str
    bytes: int
    damage: str
    older: bool


def check_cache(cache: Path) -> list[StoreState]:
    """Reads every store to its end.

    Args:
        cache: folder of all stores.

    Raises:
        SrlabError: there is no such folder.
    """
    if not cache.is_dir():
        raise SrlabError(f"{cache}: no such folder. Say where the cache is: data.cache=DIR.")
    return [_state(path) for path in sorted(cache.iterdir()) if re.fullmatch("[0-9a-f]{32}", path.name)]


def _state(folder: Path) -> StoreState:
    origin, older = "", False
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        names = index["names"]
        origin = f"{len(names)} images of {Path(names[0]).parent}"
        older = "check" not in index
    except (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError):
        pass  # `damage` says what is wrong
    size = sum(path.stat().st_size for path in folder.iterdir() if path.is_file()) if folder.is_dir() else 0
    return StoreState(folder, origin, size, "" if older else damage(folder, full=True), older)


def remove_damaged(state: StoreState) -> None:
    """Removes a store, unless another process has made it anew meanwhile. Raises SrlabError where that fails."""
    try:
        with one_at_a_time(lock_of(state.folder), f"{state.folder}: removing it"):
            if damage(state.folder, full=True):
                shutil.rmtree(state.folder)
    except OSError as error:
        raise SrlabError(f"{state.folder}: cannot be removed ({error.strerror}). Remove it by hand.") from None
