"""Conversion of weights between srlab's keys and those of other projects."""

from dataclasses import replace
from pathlib import Path

from srlab.errors import SrlabError, nearest
from srlab.weights.checkpoint import evaluated_weights, is_checkpoint, parse_checkpoint
from srlab.weights.files import network_state, read_file, write_state
from srlab.weights.foreign_networks import foreign_network
from srlab.weights.key_mapping import Layout
from srlab.weights.layouts import LAYOUTS
from srlab.weights.recognition import Recognised, incomplete, recognise

OWN = "srlab"

# What networks of other projects have where srlab leaves the choice.
_USUAL = {"upsampler": "subpixel", "convolution": "plain", "attention": "none", "connections": "residual"}


def convert(source: Path, target: Path, layout: str) -> str:
    """Writes the weights of one file to another, under other keys.

    Args:
        source: a checkpoint of srlab, or weights by srlab's keys or those of one of LAYOUTS.
        target: a .pt, .pth or .safetensors file.
        layout: "srlab", or the name of one of LAYOUTS.

    Returns:
        What was done, in lines.

    Raises:
        SrlabError: the weights are not recognised, or the layout does not exist for their network, or cannot hold
            all of them.
    """
    content = read_file(source)
    checkpoint = parse_checkpoint(content) if is_checkpoint(content) else None
    given = network_state(content, source) if checkpoint is None else evaluated_weights(checkpoint.state)
    found = recognise(given)
    if found is None:
        if (foreign := foreign_network(given)) is not None:
            raise SrlabError(f"{source}: holds the weights of {foreign}, which srlab does not have.")
        if advice := incomplete(given):
            raise SrlabError(f"{source}: cannot be converted. {advice}")
        some = ", ".join(list(given)[:3])
        raise SrlabError(f"{source}: not the weights of a network that srlab has; they start with {some}.")
    names = [OWN, *(known.name for known in LAYOUTS if known.network == found.network)]
    if layout not in names:
        raise SrlabError(f"layout={layout}: for {found.network} there are {', '.join(names)}.{nearest(layout, names)}")
    if layout == OWN:
        write_state(found.state, target)
    else:
        chosen = next(known for known in LAYOUTS if known.network == found.network and known.name == layout)
        _check_network(chosen, found if checkpoint is None else replace(found, arguments=checkpoint.network))
        write_state(chosen.from_own(found.state), target, chosen.container)
    done = f"{source}: {found.network}, {len(found.state)} tensors, written to {target} in the layout {layout}"
    residual_scale = 1.0 if checkpoint is None else checkpoint.network.get("residual_scale", 1.0)
    if residual_scale != 1.0:
        done += f"\nnote: a state dict does not hold the residual scale, which is {residual_scale} here"
    return done


def _check_network(layout: Layout, found: Recognised) -> None:
    """Raises SrlabError for a network that other projects do not have, though some of their keys would do for it."""
    for option, usual in _USUAL.items():
        own = found.arguments.get(option, usual)
        if own != usual:
            raise SrlabError(f"layout={layout.name}: {layout.project} has no {own} {option}.")
