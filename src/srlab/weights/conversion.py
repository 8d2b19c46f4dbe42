"""Conversion of weights between srlab's keys and those of other projects."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from srlab.errors import SrlabError, nearest
from srlab.weights.about import About
from srlab.weights.bare import arguments_of_bare
from srlab.weights.checkpoint import Checkpoint, evaluated_weights, facts_of, is_checkpoint, parse_checkpoint
from srlab.weights.files import PACKED, make_folder_of, network_state, read_file, write_state
from srlab.weights.foreign_networks import foreign_network
from srlab.weights.key_mapping import Layout
from srlab.weights.layouts import LAYOUTS
from srlab.weights.packed import ABOUT, write_packed
from srlab.weights.recognition import Recognised, incomplete, recognise

OWN = "srlab"
SPANDREL = "spandrel"  # as OWN, in .safetensors alone; the metadata is among the tensors too, for srlab.spandrel_archs

# What networks of other projects have where srlab leaves the choice.
_USUAL = {"upsampler": "subpixel", "convolution": "plain", "attention": "none", "connections": "residual"}


def convert(
    source: Path,
    target: Path,
    layout: str,
    arguments: Mapping[str, Any] | None = None,
    about: About | None = None,
) -> str:
    """Writes the weights of one file to another, under other keys.

    A .safetensors file in srlab's own layout is a whole network: its metadata has the network's arguments, and what
    `about` says.

    Args:
        source: a checkpoint of srlab, or weights by srlab's keys or those of one of LAYOUTS.
        target: a .pt, .pth or .safetensors file.
        layout: "srlab", "spandrel", or the name of one of LAYOUTS.
        arguments: of the network, which bare weights do not show, such as {"residual_scale": 0.1}.
        about: what else is known of the network.

    Returns:
        What was done, in lines.

    Raises:
        SrlabError: the weights are not recognised, or the layout does not exist for their network, or cannot hold
            all of them; or `arguments` has what the network does not have, or what the file says itself.
    """
    content = read_file(source)
    checkpoint = parse_checkpoint(content, source) if is_checkpoint(content) else None
    given = network_state(content, source) if checkpoint is None else evaluated_weights(checkpoint.state)
    found = recognise(given)
    if found is None:
        if (foreign := foreign_network(given)) is not None:
            raise SrlabError(f"{source}: holds the weights of {foreign}, which srlab does not have.")
        if advice := incomplete(given):
            raise SrlabError(f"{source}: cannot be converted. {advice}")
        some = ", ".join(list(given)[:3])
        raise SrlabError(f"{source}: not the weights of a network that srlab has; they start with {some}.")
    names = [OWN, SPANDREL, *(known.name for known in LAYOUTS if known.network == found.network)]
    if layout not in names:
        raise SrlabError(f"layout={layout}: for {found.network} there are {', '.join(names)}.{nearest(layout, names)}")
    note = ""
    if checkpoint is not None and arguments:
        key, value = next(iter(arguments.items()))
        raise SrlabError(f"{key}={value}: a checkpoint, as {source} is, knows its network's arguments. Leave it out.")
    if layout == SPANDREL and target.suffix != PACKED:
        raise SrlabError(f"{target}: layout={SPANDREL} needs a name that ends in {PACKED}.")
    packed = layout in (OWN, SPANDREL) and target.suffix == PACKED
    if packed:
        facts, note = _facts(found, checkpoint, arguments or {})
        make_folder_of(target)
        if about is not None:
            facts[ABOUT] = about.plain()
        write_packed(target, facts, found.state, half=False, facts_as_tensor=layout == SPANDREL)
    elif layout == OWN:
        write_state(found.state, target)
    else:
        chosen = next(known for known in LAYOUTS if known.network == found.network and known.name == layout)
        _check_network(chosen, found if checkpoint is None else replace(found, arguments=checkpoint.network))
        write_state(chosen.from_own(found.state), target, chosen.container)
    done = f"{source}: {found.network}, {len(found.state)} tensors, written to {target} in the layout {layout}"
    residual_scale = 1.0 if checkpoint is None else checkpoint.network.get("residual_scale", 1.0)
    if residual_scale != 1.0 and not packed:
        note = f"\nnote: a state dict does not hold the residual scale, which is {residual_scale} here"
    return done + note


def _facts(found: Recognised, checkpoint: Checkpoint | None, given: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """Returns the facts of a packed network, and what to say of those that are only assumed."""
    if checkpoint is not None:
        recipe = checkpoint.recipe and {**checkpoint.recipe, "ema": 0.0, "weights": {}}  # no paths of a machine
        return facts_of(checkpoint.method, checkpoint.network, recipe), ""
    arguments, assumed = arguments_of_bare(found, given=given)
    shown = ", ".join(f"{key}={value}" for key, value in assumed.items())
    note = f"\nnote: weights do not show it: {shown} is assumed. To say something else: {next(iter(assumed), '')}=VALUE"
    return facts_of(found.network, arguments, None), note if assumed else ""


def _check_network(layout: Layout, found: Recognised) -> None:
    """Raises SrlabError for a network that other projects do not have, though some of their keys would do for it."""
    for option, usual in _USUAL.items():
        own = found.arguments.get(option, usual)
        if own != usual:
            raise SrlabError(f"layout={layout.name}: {layout.project} has no {own} {option}.")
