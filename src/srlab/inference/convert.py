"""Weights from one layout into another."""

from pathlib import Path

from torch import Tensor

from srlab.errors import SrlabError, nearest
from srlab.inference.files import is_checkpoint, network_state, read_file, write_state
from srlab.inference.layouts import LAYOUTS
from srlab.inference.recognition import recognise
from srlab.inference.weights import evaluated_weights
from srlab.methods.network import State

OWN = "srlab"


def convert(source: Path, target: Path, layout: str) -> str:
    """Writes the weights of one file to another: layout is srlab, for our own keys, or one of LAYOUTS by name.

    Returns what was done, in a line. Raises SrlabError for weights that are not recognised, and for a layout that
    does not exist for their method, or cannot hold all of them.
    """
    method, state = _own_state(source)
    names = [OWN, *(known.name for known in LAYOUTS if known.method == method)]
    if layout not in names:
        raise SrlabError(f"layout={layout}: for {method} there are {', '.join(names)}.{nearest(layout, names)}")
    if layout == OWN:
        write_state(state, target)
    else:
        chosen = next(known for known in LAYOUTS if known.method == method and known.name == layout)
        write_state(chosen.from_own(state), target, chosen.container)
    return f"{source}: {method}, {len(state)} tensors, written to {target} in the layout {layout}"


def _own_state(path: Path) -> tuple[str, dict[str, Tensor]]:
    """The method's key, and the weights by our keys."""
    content = read_file(path)
    if is_checkpoint(content):
        return content["srlab"]["method"], evaluated_weights(content["state_dict"])
    state: State = network_state(content, path)
    found = recognise(state)
    if found is None:
        some = ", ".join(list(state)[:3])
        raise SrlabError(f"{path}: not the weights of a network that srlab has; it starts with {some}.")
    return found.method, found.state
