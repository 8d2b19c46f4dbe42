"""Recognition of state dicts: which network of srlab it is, of what size, and by whose keys."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from srlab.networks import NETWORKS
from srlab.networks.network import SRNetwork, State
from srlab.weights.key_mapping import Layout
from srlab.weights.layouts import LAYOUTS


@dataclass(frozen=True)
class Recognised:
    """A state dict that holds one whole network.

    Attributes:
        network: its key in NETWORKS.
        arguments: of its constructor, as far as shapes show them.
        layout: whose keys the state dict had; None for srlab's own.
        state: the state dict by srlab's keys.
    """

    network: str
    arguments: dict[str, Any]
    layout: Layout | None
    state: dict[str, Tensor]


def recognise(state: State) -> Recognised | None:
    """Recognises a network by all keys and shapes of its state dict; None where srlab does not have it."""
    own = [(name, None, dict(state)) for name in NETWORKS]
    foreign = [(layout.network, layout, layout.to_own(state)) for layout in LAYOUTS]
    for key, layout, candidate in [*own, *foreign]:
        arguments = NETWORKS[key].arguments_of(candidate)
        if arguments is not None:
            return Recognised(key, arguments, layout, candidate)
    return None


def in_own_keys(network: SRNetwork, name: str, state: State) -> dict[str, Tensor]:
    """Renames a state dict to a network's own keys, by the layout under which most keys fit.

    Args:
        network: whose keys are wanted.
        name: the network's key in NETWORKS.
        state: by srlab's keys or those of one of LAYOUTS.

    Returns:
        All of `state`; keys that no layout knows stay as they are.
    """
    known = network.state_dict().keys()
    best, most = dict(state), len(known & state.keys())
    for layout in LAYOUTS:
        found = len(known & layout.renamed(state).keys()) if layout.network == name else 0
        if found > most:
            best, most = layout.to_own(state), found
    return best


def incomplete(state: State) -> str:
    """Returns what to do about weights that are whole but for what their project keeps elsewhere; "" for others."""
    for layout in LAYOUTS:
        whole = {**layout.elsewhere, **layout.to_own(state)}
        if layout.elsewhere and NETWORKS[layout.network].arguments_of(whole) is not None:
            return f"They look like {layout.network} by {layout.project}, but {layout.advice}."
    return ""


def described(state: State) -> str:
    """Returns the end of an error message: which network the weights look like, or what to check."""
    found = recognise(state)
    if found is None and (advice := incomplete(state)):
        return f" {advice}"
    if found is None:
        return " They are not those of any whole network that srlab has. Check model=, scale= and its widths."
    whose = f" by {found.layout.project}" if found.layout else ""
    unseen = NETWORKS[found.network].unseen
    shown = " ".join(f"{key}={value}".replace(" ", "") for key, value in found.arguments.items() if key not in unseen)
    return f" They look like {found.network}{whose}: {shown}."
