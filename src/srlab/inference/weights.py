"""Weights from files into methods: strictly, and with errors that say what does not fit."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from srlab.errors import SrlabError
from srlab.inference.files import is_checkpoint, network_state, read_file
from srlab.inference.recognition import described, in_own_keys
from srlab.methods import find_method
from srlab.methods.base import SuperResolver

SHOWN = 3  # of each kind of mismatch


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
    """Weights for a method that was built from a config: a state dict in any layout that is known for the method, or
    the evaluated weights of a checkpoint of ours.

    Raises SrlabError where a key is missing, unexpected or of another shape.
    """
    fit(method.network, weights_for(method, path), path)
    if method.averaged is not None:
        method.averaged.load_state_dict(method.network.state_dict())


def weights_for(method: SuperResolver, path: Path) -> dict[str, Tensor]:
    """A file's weights by the method's own keys, whether or not all of them fit.

    Raises SrlabError for a checkpoint of ours that holds another method.
    """
    content = read_file(path)
    if is_checkpoint(content):
        donor = content["srlab"]["method"]
        if donor != method.key:
            raise SrlabError(
                f"{path}: a checkpoint of {donor}, not of {method.key}. Evaluate it by ckpt={path}, without model=."
            )
        return evaluated_weights(content["state_dict"])
    return in_own_keys(method, network_state(content, path))


def check_resumable(method: SuperResolver, data: Mapping[str, Any], path: Path) -> None:
    """Raises SrlabError unless a checkpoint is of a run of the same network, recipe and data, as going on needs.

    data: what SuperResolutionData.state_dict gives. max_steps may differ.
    """
    content = read_file(path)
    if not is_checkpoint(content) or "optimizer_states" not in content:
        raise SrlabError(f"{path}: not a checkpoint of a training run, so it cannot be resumed. Say init_from={path}")
    there, here = content["hyper_parameters"], method.hparams
    pairs: dict[str, tuple[Any, Any]] = {"method": (content["srlab"]["method"], method.key)}
    for key in sorted({*there["network"], *here["network"]}):
        pairs[key] = (there["network"].get(key), here["network"].get(key))
    for key in ("loss", "optimizer", "schedule", "ema"):
        pairs[key] = (there["recipe"][key], here["recipe"][key])
    for key, value in data.items():
        pairs[key] = (content.get("SuperResolutionData", {}).get(key), value)
    changed = [f"{key} was {old} and is {new}" for key, (old, new) in pairs.items() if old != new]
    if changed:
        raise SrlabError(
            f"{path}: cannot be resumed by another run: {'; '.join(changed)}. Or start anew: init_from={path}"
        )


def evaluated_weights(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The network's own weights in a checkpoint's state dict: the averaged ones where it has them."""
    prefix = "averaged." if any(key.startswith("averaged.") for key in state) else "network."
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}


def fit(module: nn.Module, state: Mapping[str, Any], path: Path) -> None:
    """load_state_dict, strictly. Raises SrlabError: three of each kind of misfit, and what they look like."""
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
        raise SrlabError(f"{path}: these weights do not fit: {'; '.join(parts)}.{described(state)}")
    module.load_state_dict(state)


def transfer(method: SuperResolver, path: Path) -> tuple[list[str], list[str]]:
    """Copies what fits from a checkpoint or weights into a method, for a fine-tuning start such as x2 -> x4.

    Returns (keys that were taken, keys that keep their initial values). Raises SrlabError where nothing fits.
    """
    source = weights_for(method, path)
    own = method.network.state_dict()
    taken = [key for key in own if key in source and _shape(source[key]) == _shape(own[key])]
    if not taken:
        raise SrlabError(
            f"init_from={path}: none of its weights fits {method.label}. Choose weights of its kind.{described(source)}"
        )
    method.network.load_state_dict({**own, **{key: source[key] for key in taken}})
    if method.averaged is not None:
        method.averaged.load_state_dict(method.network.state_dict())
    return taken, [key for key in own if key not in taken]


def _shape(value: Any) -> tuple[int, ...] | str:
    return tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__


def _some(keys: list[str]) -> str:
    return ", ".join(keys[:SHOWN]) + (", ..." if len(keys) > SHOWN else "")
