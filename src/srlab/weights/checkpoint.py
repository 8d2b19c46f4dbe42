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
from srlab.weights.files import read_file, unwrapped
from srlab.weights.packed import MARK, TRAINED

DATA = "SuperResolutionData"  # the entry of the data module, under its class's name, as Lightning writes it
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


def parse_checkpoint(content: Mapping[str, Any]) -> Checkpoint:
    """Takes a checkpoint apart; `content` must be one, see `is_checkpoint`."""
    arguments = content["hyper_parameters"]
    return Checkpoint(
        method=content[MARK]["method"],
        network=arguments["network"],
        recipe=upgraded_recipe(arguments["recipe"]),
        state=unwrapped(content["state_dict"]),
        data=content.get(DATA, {}),
        resumable="optimizer_states" in content,
    )


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
    return parse_checkpoint(content)


def mark_checkpoint(content: dict[str, Any], method: str, **facts: Any) -> None:
    """Adds to Lightning's dictionary what makes it a checkpoint of srlab.

    Args:
        content: changed in place.
        method: a key of `srlab.methods.METHODS`.
        facts: plain values to be kept beside it.
    """
    content[MARK] = {"method": method, "version": __version__, **facts}


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
    """Returns the step at which a checkpoint was written; 0 for None."""
    if path is None:
        return 0
    return int(torch.load(path, map_location="cpu", weights_only=True, mmap=True)["global_step"])


def evaluated_part(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns a checkpoint's state dict without what only training needs, such as a discriminator."""
    return {key: value for key, value in state.items() if key.startswith((TRAINED, AVERAGED))}


def evaluated_weights(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns the network's own state dict out of a checkpoint's: the averaged weights where there are some."""
    prefix = AVERAGED if any(key.startswith(AVERAGED) for key in state) else TRAINED
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
