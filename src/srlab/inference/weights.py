"""Weights from files into methods: strictly, safely (no pickled code), and with errors that say what does not fit."""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from srlab.errors import SrlabError
from srlab.methods import find_method
from srlab.methods.base import SuperResolver

SHOWN = 3  # of each kind of mismatch


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


def is_checkpoint(content: Mapping[str, Any]) -> bool:
    """Whether a file's content is a checkpoint of srlab rather than bare weights."""
    return "srlab" in content and "hyper_parameters" in content


def load_checkpoint(path: Path) -> SuperResolver:
    """The method that a checkpoint holds, in eval mode; no other argument is needed.

    Raises SrlabError for a file that is not a checkpoint of srlab.
    """
    content = read_file(path)
    if not is_checkpoint(content):
        raise SrlabError(f"{path}: not a checkpoint of srlab. For bare weights say model=NAME weights={path}")
    parameters = content["hyper_parameters"]
    method = find_method(content["srlab"]["method"])(parameters["network"], parameters["recipe"])
    fit(method, content["state_dict"], path)
    return method.eval()


def load_weights(method: SuperResolver, path: Path) -> None:
    """Weights for a method that was built from a config: bare network weights, or a checkpoint's evaluated ones.

    Raises SrlabError where a key is missing, unexpected or of another shape.
    """
    content = read_file(path)
    if is_checkpoint(content):
        donor = content["srlab"]["method"]
        if donor != method.key:
            raise SrlabError(f"{path}: a checkpoint of {donor}, not of {method.key}. Use ckpt={path}, without model=.")
        content = evaluated_weights(content["state_dict"])
    fit(method.network, content, path)
    if method.averaged is not None:
        method.averaged.load_state_dict(method.network.state_dict())


def check_same_network(method: SuperResolver, path: Path) -> None:
    """Raises SrlabError unless a checkpoint, to be resumed, holds the same method with the same arguments."""
    content = read_file(path)
    if not is_checkpoint(content) or "optimizer_states" not in content:
        raise SrlabError(f"{path}: not a checkpoint of a training run, so it cannot be resumed. Say init_from={path}")
    donor, arguments = content["srlab"]["method"], content["hyper_parameters"]["network"]
    own = dict(method.hparams["network"])
    if donor != method.key or arguments != own:
        keys = sorted(key for key in {*arguments, *own} if arguments.get(key) != own.get(key))
        there = ", ".join([donor, *(f"{key}={arguments.get(key)}" for key in keys)])
        here = ", ".join([method.key, *(f"{key}={own.get(key)}" for key in keys)])
        raise SrlabError(f"{path}: was trained as {there}, but this run is {here}. Resume with the same options.")


def evaluated_weights(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The network's own weights in a checkpoint's state dict: the averaged ones where it has them."""
    prefix = "averaged." if any(key.startswith("averaged.") for key in state) else "network."
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}


def fit(module: nn.Module, state: Mapping[str, Any], path: Path) -> None:
    """load_state_dict, strictly. Raises SrlabError that shows three of each kind of what does not fit."""
    own = module.state_dict()
    missing = [key for key in own if key not in state]
    unexpected = [key for key in state if key not in own]
    reshaped = [
        f"{key} {_shape(state[key])} instead of {_shape(value)}"
        for key, value in own.items()
        if key in state and _shape(state[key]) != _shape(value)
    ]
    found = [("missing", missing), ("unexpected", unexpected), ("of another shape", reshaped)]
    if any(keys for _, keys in found):
        parts = [f"{len(keys)} {kind} ({_some(keys)})" for kind, keys in found if keys]
        raise SrlabError(f"{path}: these weights do not fit: {'; '.join(parts)}. Check model=, scale= and its widths.")
    module.load_state_dict(state)


def transfer(method: SuperResolver, path: Path) -> tuple[list[str], list[str]]:
    """Copies what fits from a checkpoint or weights into a method, for a fine-tuning start such as x2 -> x4.

    Returns (keys that were taken, keys that keep their initial values). Raises SrlabError where nothing fits.
    """
    content = read_file(path)
    source = evaluated_weights(content["state_dict"]) if is_checkpoint(content) else content
    own = method.network.state_dict()
    taken = [key for key in own if key in source and _shape(source[key]) == _shape(own[key])]
    if not taken:
        raise SrlabError(f"init_from={path}: none of its weights fits {method.label}. Choose a checkpoint of its kind.")
    method.network.load_state_dict({**own, **{key: source[key] for key in taken}})
    if method.averaged is not None:
        method.averaged.load_state_dict(method.network.state_dict())
    return taken, [key for key in own if key not in taken]


def _shape(value: Any) -> tuple[int, ...] | str:
    return tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__


def _some(keys: list[str]) -> str:
    return ", ".join(keys[:SHOWN]) + (", ..." if len(keys) > SHOWN else "")
