"""What a state dict is: whose keys it has, which method it is of, and how large."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from srlab.inference.layout import Layout
from srlab.inference.layouts import LAYOUTS
from srlab.methods import METHODS
from srlab.methods.base import SuperResolver
from srlab.methods.network import State


@dataclass(frozen=True)
class Recognised:
    """A state dict that is one whole network.

    method: its key. arguments: of the network's constructor, as far as shapes show them. layout: None for our own.
    state: by our keys.
    """

    method: str
    arguments: dict[str, Any]
    layout: Layout | None
    state: dict[str, Tensor]


def recognise(state: State) -> Recognised | None:
    """The network that a state dict is, by all of its keys and shapes; None where it is none that srlab has."""
    own = [(method.key, None, dict(state)) for method in METHODS.values()]
    foreign = [(layout.method, layout, layout.to_own(state)) for layout in LAYOUTS]
    for key, layout, candidate in [*own, *foreign]:
        arguments = METHODS[key].Network.arguments_of(candidate)
        if arguments is not None:
            return Recognised(key, arguments, layout, candidate)
    return None


def in_own_keys(method: SuperResolver, state: State) -> dict[str, Tensor]:
    """A state dict by the keys of a method: in the layout, of those known for it, in which most of them fit."""
    known = method.network.state_dict().keys()
    best, most = dict(state), len(known & state.keys())
    for layout in LAYOUTS:
        found = len(known & layout.renamed(state).keys()) if layout.method == method.key else 0
        if found > most:
            best, most = layout.to_own(state), found
    return best


def described(state: State) -> str:
    """' They look like ...' for a network that is recognised, by the file's own keys; or what to check."""
    found = recognise(state)
    if found is None:
        return " They are not those of any whole network that srlab has. Check model=, scale= and its widths."
    whose = f" by {found.layout.project}" if found.layout else ""
    shown = " ".join(f"{key}={value}".replace(" ", "") for key, value in found.arguments.items())
    return f" They look like {found.method}{whose}: {shown}."
