"""Files of weights as dictionaries of tensors: safely (no pickled code), and out of the wrappings of other projects."""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from srlab.atomic_write import atomic_write
from srlab.errors import SrlabError

# Under which training programs keep the network's state dict; averaged weights, the ones that they evaluate, first.
CONTAINERS = ("params_ema", "params", "state_dict", "model_state_dict", "model")
SUFFIXES = (".pt", ".pth", ".safetensors")


def read_file(path: Path) -> dict[str, Any]:
    """A .pt, .pth, .ckpt or .safetensors file as a dictionary. Raises SrlabError where that is not possible safely."""
    if not path.is_file():
        raise SrlabError(f"{path}: no such file. Expected a checkpoint or weights (.ckpt, .pt, .pth, .safetensors).")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise SrlabError(
            f"{path}: holds pickled Python objects, not only tensors, and loading it could run any code. "
            f"Save its state_dict() with torch.save and use that."
        ) from None
    except Exception as error:  # a damaged file can make the parsers raise anything
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise SrlabError(f"{path}: not a file of weights, or a damaged one ({reason}). Get it again.") from error
    if not isinstance(content, dict):
        raise SrlabError(f"{path}: holds a {type(content).__name__}; expected a dictionary of tensors.")
    return content


def network_state(content: Mapping[str, Any], path: Path) -> dict[str, Tensor]:
    """The state dict in a file's content, without DataParallel's prefix.

    Raises SrlabError where there is something else than tensors in it.
    """
    inside = (content.get(name) for name in CONTAINERS)
    state: Any = next((value for value in inside if isinstance(value, Mapping) and value), content)
    for key, value in state.items():
        if not isinstance(key, str) or not isinstance(value, Tensor):
            raise SrlabError(f"{path}: {key} is a {type(value).__name__}; expected a state dict, names and tensors.")
    if state and all(key.startswith("module.") for key in state):
        return {key.removeprefix("module."): value for key, value in state.items()}
    return dict(state)


def write_state(state: Mapping[str, Tensor], path: Path, container: str | None = None) -> None:
    """A state dict as .pt, .pth or .safetensors, whole or not at all. Raises SrlabError for another suffix.

    container: a key to put it under; .safetensors has none.
    """
    if path.suffix not in SUFFIXES:
        raise SrlabError(f"{path}: expected a name that ends in {', '.join(SUFFIXES)}.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SrlabError(f"{path.parent}: cannot be made ({error.strerror}). Choose another folder.") from None
    own = {key: value.detach().clone().contiguous() for key, value in state.items()}
    with atomic_write(path) as partial:
        if path.suffix == ".safetensors":
            save_file(own, partial)
        else:
            torch.save({container: own} if container else own, partial)
