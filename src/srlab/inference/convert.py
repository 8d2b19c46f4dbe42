"""Weights from one layout into another."""

from pathlib import Path

from srlab.errors import SrlabError, nearest
from srlab.inference.files import is_checkpoint, network_state, read_file, write_state
from srlab.inference.layout import Layout
from srlab.inference.layouts import LAYOUTS
from srlab.inference.recognition import Recognised, recognise
from srlab.inference.weights import evaluated_weights

OWN = "srlab"


def convert(source: Path, target: Path, layout: str) -> str:
    """Writes the weights of one file to another: layout is srlab, for our own keys, or one of LAYOUTS by name.

    Returns what was done, in lines. Raises SrlabError for weights that are not recognised, and for a layout that
    does not exist for their method, or cannot hold all of them.
    """
    content = read_file(source)
    ours = is_checkpoint(content)
    given = evaluated_weights(content["state_dict"]) if ours else network_state(content, source)
    found = recognise(given)
    if found is None:
        some = ", ".join(list(given)[:3])
        raise SrlabError(f"{source}: not the weights of a network that srlab has; they start with {some}.")
    names = [OWN, *(known.name for known in LAYOUTS if known.method == found.method)]
    if layout not in names:
        raise SrlabError(f"layout={layout}: for {found.method} there are {', '.join(names)}.{nearest(layout, names)}")
    if layout == OWN:
        write_state(found.state, target)
    else:
        chosen = next(known for known in LAYOUTS if known.method == found.method and known.name == layout)
        _check_network(chosen, found)
        write_state(chosen.from_own(found.state), target, chosen.container)
    done = f"{source}: {found.method}, {len(found.state)} tensors, written to {target} in the layout {layout}"
    residual_scale = content["hyper_parameters"]["network"].get("residual_scale", 1.0) if ours else 1.0
    if residual_scale != 1.0:
        done += f"\nnote: a state dict does not hold the residual scale, which is {residual_scale} here"
    return done


def _check_network(layout: Layout, found: Recognised) -> None:
    """Raises SrlabError for a network that other projects do not have, though some of their keys would do for it."""
    upsampler = found.arguments.get("upsampler", "subpixel")
    if upsampler != "subpixel":
        raise SrlabError(f"layout={layout.name}: {layout.project} has no {upsampler} upsampler.")
