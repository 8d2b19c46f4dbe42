"""What a checkpoint of srlab holds: the one place that knows its keys.

A checkpoint is Lightning's dictionary with one more entry, "srlab". Everything in it is a tensor or a plain value, so
`torch.load(weights_only=True)` reads it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from srlab import __version__
from srlab.atomic_write import atomic_write
from srlab.errors import SrlabError
from srlab.plain_schema import shown
from srlab.weights.checkpoint_schema import DATA, check_checkpoint, check_network
from srlab.weights.content_limits import AGAIN
from srlab.weights.files import read_file, unwrapped
from srlab.weights.packed import MARK, TRAINED

RENAMED_TERMS = {"content": "perceptual", "texture": "style"}  # of losses, by their first names
AVERAGED = "averaged."  # beginning of the keys of the moving average; TRAINED: of the trained weights


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint's content.

    Attributes:
        method: a key of `srlab.methods.METHODS`.
        network: the arguments of the network's constructor.
        recipe: what the method was trained by, as `srlab.methods.recipe` makes it; None where nobody trained it.
        state: all weights: those of TRAINED, of AVERAGED, and what only training needs, such as a discriminator.
        data: what decides the patches of every step, as `SuperResolutionData.state_dict` gives it.
        resumable: whether it holds the optimizers' state.
    """

    method: str
    network: dict[str, Any]
    recipe: dict[str, Any] | None
    state: dict[str, Tensor]
    data: dict[str, Any]
    resumable: bool


def is_checkpoint(content: Mapping[str, Any]) -> bool:
    """Tells whether a file's content is a checkpoint of srlab rather than bare weights."""
    return MARK in content and "hyper_parameters" in content


def parse_checkpoint(content: Mapping[str, Any], path: Path) -> Checkpoint:
    """Checks a checkpoint and takes it apart: the network can be built of its arguments, and its weights fit it.

    Args:
        content: of the file, which must be a checkpoint, see `is_checkpoint`.
        path: of the file, for errors.

    Raises:
        SrlabError: what is missing, of another type, not finite, or does not fit.
    """
    check_checkpoint(content, path)
    arguments = content["hyper_parameters"]
    checkpoint = Checkpoint(
        method=content[MARK]["method"],
        network=arguments["network"],
        recipe=upgraded_recipe(arguments["recipe"]),
        state=unwrapped(content["state_dict"]),
        data=content.get(DATA, {}),
        resumable="optimizer_states" in content,
    )
    check_network(checkpoint.method, checkpoint.network, evaluated_weights(checkpoint.state), path)
    return checkpoint


def upgraded_recipe(recipe: dict[str, Any] | None) -> dict[str, Any] | None:
    """Returns a recipe under the names of today: loss terms were renamed after the first version."""
    if recipe is None:
        return None
    loss = {RENAMED_TERMS.get(term, term): options for term, options in (recipe.get("loss") or {}).items()}
    return {**recipe, "loss": loss}


def read_checkpoint(path: Path) -> Checkpoint:
    """Reads a checkpoint.

    Raises:
        SrlabError: the file cannot be read, or holds something else.
    """
    content = read_file(path)
    if not is_checkpoint(content):
        raise SrlabError(f"{path}: not a checkpoint of srlab. For bare weights say model=NAME weights={path}")
    return parse_checkpoint(content, path)


def mark_checkpoint(content: dict[str, Any], method: str, **facts: Any) -> None:
    """Adds to Lightning's dictionary what makes it a checkpoint of srlab.

    Args:
        content: changed in place.
        method: a key of `srlab.methods.METHODS`.
        facts: plain values to be kept beside it.
    """
    content[MARK] = {"method": method, "version": __version__, **facts}


def facts_of(method: str, network: Mapping[str, Any], recipe: Mapping[str, Any] | None) -> dict[str, Any]:
    """Returns what a checkpoint holds beside its weights, for a packed file.

    How a network was initialised is of no meaning to its weights: without it, the file fits the model's default.

    Args:
        method: a key of `srlab.methods.METHODS`.
        network: the arguments of the network's constructor.
        recipe: what it was trained by; None where nobody knows.
    """
    arguments = {key: value for key, value in network.items() if key != "initialization"}
    hyper_parameters = {"network": arguments, "recipe": None if recipe is None else dict(recipe)}
    return {MARK: {"method": method, "version": __version__}, "hyper_parameters": hyper_parameters, "global_step": 0}


def write_checkpoint(
    path: Path, method: str, arguments: Mapping[str, Any], state: Mapping[str, Tensor], **facts: Any
) -> None:
    """Writes a checkpoint to be evaluated or exported, not resumed; whole or not at all.

    Args:
        path: of the file; its folder is made.
        method: a key of `srlab.methods.METHODS`.
        arguments: of the method's constructor: {"network": ..., "recipe": ...}.
        state: the method's state dict.
        facts: as for `mark_checkpoint`.

    Raises:
        SrlabError: the folder cannot be made.
    """
    content: dict[str, Any] = {
        "state_dict": dict(state),
        "hyper_parameters": dict(arguments),
        "global_step": 0,
        "pytorch-lightning_version": version("pytorch-lightning"),
    }
    mark_checkpoint(content, method, **facts)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SrlabError(f"{path.parent}: cannot be made ({error.strerror}). Choose another OUT.") from None
    with atomic_write(path) as partial:
        torch.save(content, partial)


def step_of(path: Path | None) -> int:
    """Returns the step at which a checkpoint was written; 0 for None.

    Raises:
        SrlabError: the file is damaged, or says no step.
    """
    if path is None:
        return 0
    step = read_file(path, mapped=True).get("global_step")
    if type(step) is not int or step < 0:
        raise SrlabError(f"{path}: global_step is {shown(step)}; expected an integer of at least 0. {AGAIN}")
    return step


def evaluated_part(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns a checkpoint's state dict without what only training needs, such as a discriminator."""
    return {key: value for key, value in state.items() if key.startswith((TRAINED, AVERAGED))}


def evaluated_weights(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns the network's own state dict out of a checkpoint's: the averaged weights where there are some."""
    prefix = AVERAGED if any(key.startswith(AVERAGED) for key in state) else TRAINED
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
