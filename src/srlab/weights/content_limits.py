"""Bounds on what a file of weights may hold, checked before anything is made of it."""

import math
import mmap
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from srlab.errors import SrlabError
from srlab.labels import printable

DEEPEST = 24  # dictionaries and lists within each other; Lightning's loops have 8
MOST = 500_000  # values; a training state of 2,000 tensors has 30,000
LONGEST_KEY = 300  # characters
MOST_PARTS = 40  # of a key, between dots
LONGEST_TEXT = 1_000_000  # characters
LARGEST_INTEGER = 2**63
WIDENED = 4  # a .safetensors file of float16 is read as float32; one of 8 bits could be
ROOM = 1 << 20  # bytes, for files that are nearly empty
COUNTED = b"\nbytearray\n"  # in a pickle: it is made of a number, whatever the file's size; weights have no use for it
AGAIN = "It is damaged, or was not made by srlab. Get it again."


def check_archive(path: Path) -> None:
    """Checks a .ckpt, .pt or .pth file before it is read: PyTorch's archives are not compressed.

    Raises:
        SrlabError: a file that would become larger in memory than it is.
        zipfile.BadZipFile, OSError, ValueError: a damaged file.
    """
    if not zipfile.is_zipfile(path):
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            _check_counted(content.find(COUNTED) >= 0, path)
        return
    size = path.stat().st_size
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > size + ROOM:
            raise SrlabError(
                f"{path}: would unpack {size:,} bytes to {unpacked:,}, and weights are not compressed. {AGAIN}"
            )
        pickles = [entry for entry in archive.infolist() if entry.filename.endswith(".pkl")]
        _check_counted(any(COUNTED in archive.read(entry) for entry in pickles), path)


def _check_counted(found: bool, path: Path) -> None:
    if found:
        raise SrlabError(f"{path}: holds a bytearray, which may ask for any memory. {AGAIN}")


def check_limits(content: Any, path: Path) -> None:
    """Checks everything that a file holds: how much, how deep, how long, and that tensors have their values in it.

    Args:
        content: dictionaries, lists, tensors and plain values.
        path: of the file, whose size bounds that of the tensors.

    Raises:
        SrlabError: with the key.
    """
    waiting: list[tuple[Any, int, str]] = [(content, 0, "")]
    storages: dict[int, int] = {}
    seen = 0
    while waiting:
        value, depth, place = waiting.pop()
        seen += 1
        if seen > MOST or depth > DEEPEST:
            what = f"more than {MOST:,} values" if seen > MOST else f"more than {DEEPEST} levels of values"
            raise SrlabError(f"{path}: {printable(place)}: holds {what}. {AGAIN}")
        if isinstance(value, Tensor):
            _check_tensor(value, path, place, storages)
        elif isinstance(value, Mapping):
            for key, inner in value.items():
                _check_key(key, path, place)
                waiting.append((inner, depth + 1, f"{place[:LONGEST_KEY]}.{key}" if place else str(key)))
        elif isinstance(value, (list, tuple, set, frozenset)):
            waiting += [(inner, depth + 1, place) for inner in value]
        else:
            _check_plain(value, path, place)
    if sum(storages.values()) > WIDENED * path.stat().st_size + ROOM:
        raise SrlabError(f"{path}: its tensors take {sum(storages.values()):,} bytes, more than the file. {AGAIN}")


def _check_key(key: Any, path: Path, place: str) -> None:
    if isinstance(key, str) and (len(key) > LONGEST_KEY or key.count(".") >= MOST_PARTS):
        raise SrlabError(
            f"{path}: {printable(place)}: has a key of {len(key):,} characters with {key.count('.'):,} dots "
            f"({printable(key, 30)}); expected at most {LONGEST_KEY} and {MOST_PARTS - 1}. {AGAIN}"
        )
    _check_plain(key, path, place)


def _check_plain(value: Any, path: Path, place: str) -> None:
    if isinstance(value, (str, bytes, bytearray)) and len(value) > LONGEST_TEXT:
        raise SrlabError(f"{path}: {printable(place)}: a text of {len(value):,} characters. {AGAIN}")
    if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        raise SrlabError(f"{path}: {printable(place)}: an integer beyond 64 bits. {AGAIN}")


def _check_tensor(value: Tensor, path: Path, place: str, storages: dict[int, int]) -> None:
    """Notes the size of a tensor's storage. One that repeats its values, or has none, could ask for any memory."""
    usual = value.layout == torch.strided and value.device.type == "cpu" and not value.is_quantized
    if not usual or value.is_nested or type(value) not in (Tensor, torch.nn.Parameter):
        raise SrlabError(f"{path}: {printable(place)}: expected a dense tensor with its values. {AGAIN}")
    storage = value.untyped_storage()
    if value.numel() * value.element_size() > storage.nbytes():
        raise SrlabError(
            f"{path}: {printable(place)}: a tensor of {_size(value)} whose values are not all in the file. {AGAIN}"
        )
    if value.numel() == 0 and max(value.shape, default=0) > path.stat().st_size:
        raise SrlabError(f"{path}: {printable(place)}: an empty tensor of {_size(value)}. {AGAIN}")
    storages[storage.data_ptr()] = storage.nbytes()


def _size(value: Tensor) -> str:
    return " x ".join(map(str, value.shape[:6]))


def check_finite(state: Mapping[str, Tensor], path: Path) -> None:
    """Raises SrlabError for weights that are not numbers, naming the first."""
    bad = [key for key, value in state.items() if value.is_floating_point() and not all_finite(value)]
    if bad:
        more = f" and {len(bad) - 1} more" if len(bad) > 1 else ""
        raise SrlabError(
            f"{path}: {printable(bad[0])}{more}: weights that are not finite (NaN or infinite), as training leaves "
            f"them that diverged. Use an earlier checkpoint."
        )


def all_finite(value: Tensor) -> bool:
    """Tells whether all numbers of a tensor are finite.

    One number that is not finite makes the sum so; only a sum that overflows needs a look at each.
    """
    if value.element_size() < 2:  # formats of 8 bits have few operations
        value = value.float()
    total = float(value.detach().sum(dtype=torch.float64))
    return math.isfinite(total) or bool(torch.isfinite(value).all())
