"""Weights into a network: strictly, with errors that say what does not fit and what the weights look like."""

from pathlib import Path
from typing import Any

from torch import Tensor, nn

from srlab.errors import SrlabError
from srlab.labels import printable
from srlab.networks.network import State
from srlab.weights.foreign_networks import foreign_network
from srlab.weights.recognition import described

SHOWN = 3  # of each kind of mismatch


def fit(module: nn.Module, state: State, path: Path, given: State | None = None) -> None:
    """Loads a state dict, strictly.

    Args:
        module: gets the values.
        state: by the module's own keys.
        path: of the file, for the error.
        given: the weights by the keys of their file, where those are others.

    Raises:
        SrlabError: keys are missing, unexpected or of another shape: the message has three of each kind, or names the
            network that the weights are of.
    """
    check_fit(module.state_dict(), state, path, given)
    module.load_state_dict(state)


def check_fit(own: State, state: State, path: Path, given: State | None = None) -> None:
    """Compares a state dict with the one of the network that it is for, which may be on the meta device.

    Args:
        own: of the network.
        state: see `fit`; so are path and given.
        path: see `fit`.
        given: see `fit`.

    Raises:
        SrlabError: as `fit` says.
    """
    missing = [key for key in own if key not in state]
    unexpected = [key for key in state if key not in own]
    reshaped = [
        f"{key} {shape_of(state[key])} instead of {shape_of(value)}"
        for key, value in own.items()
        if key in state and shape_of(state[key]) != shape_of(value)
    ]
    if missing and (foreign := foreign_network(given or state)) is not None:
        raise SrlabError(f"{path}: holds the weights of {foreign}, which is not the network that was asked for.")
    retyped = [
        f"{key} {state[key].dtype} instead of {value.dtype}"
        for key, value in own.items()
        if key in state and value.is_floating_point() != state[key].is_floating_point()
    ]
    found = [("missing", missing), ("unexpected", unexpected), ("of another shape", reshaped)]
    found += [("of another type", retyped)] if retyped else []
    if any(keys for _, keys in found):
        parts = [f"{len(keys)} {kind} ({_some(keys)})" for kind, keys in found if keys]
        raise SrlabError(f"{path}: these weights do not fit: {'; '.join(parts)}.{described(given or state)}")


def shape_of(value: Any) -> tuple[int, ...] | str:
    """Returns a tensor's shape, or the type's name of anything else."""
    return tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__


def _some(keys: list[str]) -> str:
    return ", ".join(map(printable, keys[:SHOWN])) + (", ..." if len(keys) > SHOWN else "")
