"""Weights from files into methods: strictly, and with errors that say what does not fit."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from srlab.errors import SrlabError
from srlab.inference.files import is_checkpoint, network_state, read_file
from srlab.inference.recognition import described, in_own_keys
from srlab.methods import find_method
from srlab.methods.base import SuperResolver, evaluated_part
from srlab.methods.network import State

SHOWN = 3  # of each kind of mismatch
# What of a recipe decides the weights that a step leads to; names and the number of steps may change.
RESUMED = ("loss", "optimizer", "schedule", "ema", "gradient_clip_val", "accumulate_grad_batches", "discriminator")


def load_checkpoint(path: Path) -> SuperResolver:
    """The method that a checkpoint holds, in eval mode; no other argument is needed.

    Raises SrlabError for a file that is not a checkpoint of srlab.
    """
    content = read_file(path)
    if not is_checkpoint(content):
        raise SrlabError(f"{path}: not a checkpoint of srlab. For bare weights say model=NAME weights={path}")
    parameters = content["hyper_parameters"]
    method = find_method(content["srlab"]["method"])(parameters["network"], parameters["recipe"])
    fit(method, evaluated_part(content["state_dict"]), path)
    return method.eval()


def load_weights(method: SuperResolver, path: Path) -> None:
    """Weights for a method that was built from a config: a state dict in any layout that is known for the method, or
    the evaluated weights of a checkpoint of ours.

    Raises SrlabError where a key is missing, unexpected or of another shape.
    """
    content = read_file(path)
    given = given_weights(method, content, path)
    if is_checkpoint(content):
        _check_same_network(method, content["hyper_parameters"]["network"], path)
    fit(method.network, in_own_keys(method, given), path, given)
    if method.averaged is not None:
        method.averaged.load_state_dict(method.network.state_dict())


def given_weights(method: SuperResolver, content: Mapping[str, Any], path: Path) -> dict[str, Tensor]:
    """The weights in a file's content, by the keys that they have there.

    Raises SrlabError for a checkpoint of ours that holds another method.
    """
    if not is_checkpoint(content):
        return network_state(content, path)
    donor = content["srlab"]["method"]
    if donor not in (method.key, *method.takes_weights_of):
        raise SrlabError(
            f"{path}: a checkpoint of {donor}, not of {method.key}. Evaluate it by ckpt={path}, without model=."
        )
    return evaluated_weights(content["state_dict"])


def _check_same_network(method: SuperResolver, there: Mapping[str, Any], path: Path) -> None:
    """Shapes do not show everything: a residual scale, for one, or the scale of an upsampler by interpolation."""
    old, new = method.with_defaults(there), method.with_defaults(method.hparams["network"])
    changed = [f"{key} is {old.get(key)} there and {new.get(key)} here" for key in old if old[key] != new.get(key)]
    if changed:
        raise SrlabError(f"{path}: a checkpoint of another network: {'; '.join(changed)}. Or say ckpt={path} alone.")


def check_resumable(method: SuperResolver, data: Mapping[str, Any], path: Path) -> None:
    """Raises SrlabError unless a checkpoint is of a run of the same network, recipe and data, as going on needs.

    data: what SuperResolutionData.state_dict gives. max_steps may differ.
    """
    content = read_file(path)
    if not is_checkpoint(content) or "optimizer_states" not in content:
        raise SrlabError(f"{path}: not a checkpoint of a training run, so it cannot be resumed. Say init_from={path}")
    there, here = content["hyper_parameters"], method.hparams
    old, new = method.with_defaults(there["network"]), method.with_defaults(here["network"])
    pairs: dict[str, tuple[Any, Any]] = {"method": (content["srlab"]["method"], method.key)}
    pairs |= {key: (old.get(key), new.get(key)) for key in sorted({*old, *new})}
    recipe = {key: value for key, value in here["recipe"].items() if key in RESUMED}
    for was, now in ((there["recipe"], recipe), (content.get("SuperResolutionData", {}), data)):
        pairs |= {key: (_completed(was.get(key), value), value) for key, value in now.items()}
    changed = [f"{key} was {old} and is {new}" for key, (old, new) in pairs.items() if old != new]
    if changed:
        raise SrlabError(
            f"{path}: cannot be resumed by another run: {'; '.join(changed)}. Or start anew: init_from={path}"
        )


def _completed(old: Any, new: Any) -> Any:
    """What an older version wrote, with the options that it did not have yet as they are now."""
    if isinstance(new, dict):
        return {key: _completed((old or {}).get(key), value) for key, value in new.items()}
    return new if old is None else old


def evaluated_weights(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The network's own weights in a checkpoint's state dict: the averaged ones where it has them."""
    prefix = "averaged." if any(key.startswith("averaged.") for key in state) else "network."
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}


def fit(module: nn.Module, state: State, path: Path, given: State | None = None) -> None:
    """load_state_dict, strictly. Raises SrlabError: three of each kind of misfit, and what the weights look like.

    given: the weights by the keys of their file, where that has others.
    """
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
        raise SrlabError(f"{path}: these weights do not fit: {'; '.join(parts)}.{described(given or state)}")
    module.load_state_dict(state)


def transfer(method: SuperResolver, path: Path) -> tuple[list[str], list[str]]:
    """Copies what fits from a checkpoint or weights into a method, for a fine-tuning start such as x2 -> x4.

    Returns (keys that were taken, keys that keep their initial values). Raises SrlabError where nothing fits.
    """
    given = given_weights(method, read_file(path), path)
    source = in_own_keys(method, given)
    own = method.network.state_dict()
    taken = [key for key in own if key in source and _shape(source[key]) == _shape(own[key])]
    if not taken:
        raise SrlabError(
            f"init_from={path}: none of its weights fits {method.label}. Choose weights of its kind.{described(given)}"
        )
    method.network.load_state_dict({**own, **{key: source[key] for key in taken}})
    if method.averaged is not None:
        method.averaged.load_state_dict(method.network.state_dict())
    return taken, [key for key in own if key not in taken]


def _shape(value: Any) -> tuple[int, ...] | str:
    return tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__


def _some(keys: list[str]) -> str:
    return ", ".join(keys[:SHOWN]) + (", ..." if len(keys) > SHOWN else "")
