"""Files of weights as dictionaries of tensors: read without running pickled code, and unwrapped."""

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from srlab.atomic_write import atomic_write
from srlab.errors import SrlabError
from srlab.labels import printable
from srlab.weights.content_limits import check_archive, check_finite, check_limits
from srlab.weights.packed import read_packed

# Under which training programs keep the network's state dict; averaged weights, the ones that they evaluate, first.
CONTAINERS = ("params_ema", "params", "state_dict", "model_state_dict", "model")
BESIDE = ("pca",)  # tensors that some files hold beside the state dict, and networks need: SRMD's basis of kernels
PARALLEL, COMPILED = "module.", "_orig_mod."  # what wrappers put into the keys of what they wrap
PACKED = ".safetensors"
SUFFIXES = (".pt", ".pth", PACKED)


def check_exists(path: Path) -> None:
    """Raises SrlabError where there is no file of weights."""
    if not path.is_file():
        raise SrlabError(f"{path}: no such file. Expected a checkpoint or weights (.ckpt, .pt, .pth, .safetensors).")


def read_file(path: Path, mapped: bool = False) -> dict[str, Any]:
    """Reads a .pt, .pth, .ckpt or .safetensors file as a dictionary.

    Args:
        path: of the file.
        mapped: whether tensors are read from the disk only when they are used: for a look at the numbers beside them.

    Raises:
        SrlabError: there is no such file, it is damaged, it holds pickled objects, which could run any code, or more
            than a file of its size has any need of (`srlab.weights.content_limits`).
    """
    check_exists(path)
    try:
        if path.suffix == PACKED:
            content: Any = read_packed(path)
        else:
            check_archive(path)
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped and zipfile.is_zipfile(path))
    except SrlabError:
        raise
    except pickle.UnpicklingError:
        raise SrlabError(
            f"{path}: holds pickled Python objects, not only tensors, and loading it could run any code. "
            f"Save its state_dict() with torch.save and use that."
        ) from None
    except Exception as error:  # a damaged file can make the parsers raise anything
        reason = str(error).partition("\n")[0].partition(". ")[0] or type(error).__name__
        raise SrlabError(f"{path}: not a file of weights, or a damaged one ({reason}). Get it again.") from error
    if not isinstance(content, dict):
        raise SrlabError(f"{path}: holds a {type(content).__name__}; expected a dictionary of tensors.")
    check_limits(content, path)
    return content


def network_state(content: Mapping[str, Any], path: Path) -> dict[str, Tensor]:
    """Finds the state dict in a file's content, and takes away what DataParallel and torch.compile put before its keys.

    Args:
        content: of a file, as `read_file` gives it; the state dict may be under one of CONTAINERS, and what is called
            as in BESIDE belongs to it.
        path: of the file, for the error.

    Raises:
        SrlabError: there is something else than tensors in it, or values that are not finite.
    """
    inside = (content.get(name) for name in CONTAINERS)
    state: Any = next((value for value in inside if isinstance(value, Mapping) and value), content)
    state = {**{name: content[name] for name in BESIDE if name in content}, **state}
    for key, value in state.items():
        if not isinstance(key, str) or not isinstance(value, Tensor):
            name = printable(str(key))
            raise SrlabError(f"{path}: {name} is a {type(value).__name__}; expected a state dict, names and tensors.")
    check_finite(state, path)
    return unwrapped(state)


def unwrapped(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns a state dict without what wrappers add to its keys: `module.` (DataParallel), `_orig_mod.` (compile)."""
    plain = {key.replace(COMPILED, ""): value for key, value in state.items()}
    while plain and all(key.startswith(PARALLEL) for key in plain):
        plain = {key.removeprefix(PARALLEL): value for key, value in plain.items()}
    return plain


def write_state(state: Mapping[str, Tensor], path: Path, container: str | None = None) -> None:
    """Writes a state dict, whole or not at all.

    Args:
        state: names and tensors.
        path: of the file, which ends in .pt, .pth or .safetensors; its folder is made.
        container: a key to put the state dict under; .safetensors has none.

    Raises:
        SrlabError: another suffix, or a folder that cannot be made.
    """
    if path.suffix not in SUFFIXES:
        raise SrlabError(f"{path}: expected a name that ends in {', '.join(SUFFIXES)}.")
    make_folder_of(path)
    own = {key: value.detach().clone().contiguous() for key, value in state.items()}
    with atomic_write(path) as partial:
        if path.suffix == ".safetensors":
            save_file(own, partial)
        else:
            torch.save({container: own} if container else own, partial)


def make_folder_of(path: Path) -> None:
    """Makes the folder of a file that is to be written. Raises SrlabError where that is not possible."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SrlabError(f"{path.parent}: cannot be made ({error.strerror}). Choose another folder.") from None
