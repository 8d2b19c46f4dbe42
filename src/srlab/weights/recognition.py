"""What a state dict is: whose keys it has, which method it is of, and how large."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from srlab.networks import NETWORKS
from srlab.networks.network import SRNetwork, State
from srlab.weights.key_mapping import Layout
from srlab.weights.other_projects import LAYOUTS


@dataclass(frozen=True)
class Recognised:
    """A state dict that is one whole network.

    network: its key in NETWORKS. arguments: of its constructor, as far as shapes show them. layout: None for our own.
    state: by our keys.
    """

    network: str
    arguments: dict[str, Any]
    layout: Layout | None
    state: dict[str, Tensor]


def recognise(state: State) -> Recognised | None:
    """The network that a state dict is, by all of its keys and shapes; None where it is none that srlab has."""
    own = [(name, None, dict(state)) for name in NETWORKS]
    foreign = [(layout.network, layout, layout.to_own(state)) for layout in LAYOUTS]
    for key, layout, candidate in [*own, *foreign]:
        arguments = NETWORKS[key].arguments_of(candidate)
        if arguments is not None:
            return Recognised(key, arguments, layout, candidate)
    return None


def in_own_keys(network: SRNetwork, name: str, state: State) -> dict[str, Tensor]:
    """A state dict by the keys of a network: in the layout, of those known for it, in which most of them fit.

    name: the network's key in NETWORKS.
    """
    known = network.state_dict().keys()
    best, most = dict(state), len(known & state.keys())
    for layout in LAYOUTS:
        found = len(known & layout.renamed(state).keys()) if layout.network == name else 0
        if found > most:
            best, most = layout.to_own(state), found
    return best


def described(state: State) -> str:
    """' They look like ...' for a network that is recognised, by the file's own keys; or what to check."""
    found = recognise(state)
    if found is None:
        return " They are not those of any whole network that srlab has. Check model=, scale= and its widths."
    whose = f" by {found.layout.project}" if found.layout else ""
    unseen = NETWORKS[found.network].unseen
    shown = " ".join(f"{key}={value}".replace(" ", "") for key, value in found.arguments.items() if key not in unseen)
    return f" They look like {found.network}{whose}: {shown}."
