"""The arguments of networks' constructors, which are the options under model.network: checked before building."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args, get_origin

from srlab.errors import SrlabError, nearest
from srlab.labels import printable
from srlab.networks.network import SRNetwork


def check_arguments(kind: type[SRNetwork], arguments: Mapping[str, Any], owner: str) -> None:
    """Checks the names and types of a network's arguments.

    Args:
        kind: the network's class.
        arguments: by name.
        owner: what the network is called in messages.

    Raises:
        SrlabError: an argument that the network lacks, with the nearest name; one that it needs; a wrong type.
    """
    parameters = inspect.signature(kind.__init__).parameters
    known = [name for name in parameters if name != "self"]
    for key, value in arguments.items():
        if key not in known:
            name = printable(key)
            raise SrlabError(f"model.network.{name}: {owner} has {', '.join(known)}.{nearest(key, known)}")
        needed = parameters[key].default is inspect.Parameter.empty
        if not (needed and value is None):  # what has no value is found below
            _check_type(key, value, parameters[key].annotation)
    for name in known:
        if parameters[name].default is inspect.Parameter.empty and arguments.get(name) is None:
            raise SrlabError(f"model.network.{name}: {owner} needs a value; on the command line: {name}=...")


def with_defaults(kind: type[SRNetwork], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Returns all arguments of a network's constructor; those that are not given have their default values."""
    parameters = inspect.signature(kind.__init__).parameters.values()
    defaults = {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}
    merged = {**defaults, **arguments}
    return {key: list(value) if isinstance(value, tuple) else value for key, value in merged.items()}


def _check_type(key: str, value: Any, kind: Any) -> None:
    """Raises SrlabError unless a value is of its annotated type."""
    if get_origin(kind) is Literal:
        choices = get_args(kind)
        expected, right = " or ".join(map(str, choices)) + f".{nearest(str(value), choices)}", value in choices
    elif kind is int:
        expected, right = "one integer of at least 1.", _positive(value)
    elif kind == Sequence[int]:
        expected = "a list of integers of at least 1, such as [2,3,4]."
        right = isinstance(value, (list, tuple)) and bool(value) and all(map(_positive, value))
    elif kind is float:
        expected, right = "a number.", isinstance(value, (int, float)) and not isinstance(value, bool)
    elif kind is bool:
        expected, right = "true or false.", isinstance(value, bool)
    else:
        return
    if key == "channels":
        expected, right = "1 (luma) or 3 (RGB).", value in (1, 3)
    if not right:
        raise SrlabError(f"model.network.{key}={printable(str(value))}: expected {expected}")


def _positive(value: Any) -> bool:
    return type(value) is int and value >= 1
