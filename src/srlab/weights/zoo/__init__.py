"""The networks that come with srlab: NAME.safetensors, and NAME.yaml, its card, beside it.

    from srlab.weights import zoo
    zoo.names()                                # ['edsr_baseline_x2', ...]
    zoo.card("edsr_baseline_x2").command       # how it was trained
    zoo.state("edsr_baseline_x2")              # its weights, by the keys of srlab.networks

On command lines they are pretrained:NAME wherever a checkpoint is expected. docs/weights.md has their terms.
"""

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from srlab.errors import SrlabError, nearest
from srlab.run_files import checkpoint_in
from srlab.weights.checkpoint import evaluated_weights, read_checkpoint
from srlab.weights.zoo.card import Card, read_card

FOLDER = Path(__file__).parent
PRETRAINED = "pretrained"  # weights=pretrained: the network of model= at this scale
PREFIX = f"{PRETRAINED}:"  # ckpt=pretrained:NAME


def names() -> list[str]:
    """Returns the names of all networks, sorted."""
    return sorted(file.stem for file in FOLDER.glob("*.yaml"))


def card(name: str) -> Card:
    """Returns what is known of a network. Raises SrlabError for a name that is not among `names()`."""
    _check(name)
    return read_card(FOLDER / f"{name}.yaml")


def path(name: str) -> Path:
    """Returns a network's file. Raises SrlabError for a name that is not among `names()`."""
    _check(name)
    return FOLDER / f"{name}.safetensors"


def state(name: str) -> dict[str, Tensor]:
    """Returns a network's state dict in float32. Raises SrlabError for a name that is not among `names()`."""
    return evaluated_weights(read_checkpoint(path(name)).state)


def name_for(model: str, scales: Sequence[int]) -> str:
    """Returns the name of the network of a model at some scales.

    Args:
        model: as model= names it, such as edsr_baseline.
        scales: that it must have; none for any.

    Raises:
        SrlabError: there is none, or there are several.
    """
    found = [name for name in names() if (own := card(name)).model == model and set(scales) <= set(own.scales)]
    if len(found) == 1:
        return found[0]
    asked = f"model={model}" + "".join(f" x{scale}" for scale in scales)
    if found:
        listed = ", ".join(found)
        raise SrlabError(f"weights={PRETRAINED}: there are {listed} for {asked}. Say weights={PREFIX}{found[0]}.")
    raise SrlabError(f"weights={PRETRAINED}: srlab has no trained network for {asked}; it has {', '.join(names())}.")


def located(text: str) -> Path:
    """Returns the file that a command line names: pretrained:NAME, a file, or a run's folder (its best checkpoint).

    Raises:
        SrlabError: an unknown NAME, a folder that is no run, or a run without a checkpoint.
    """
    return path(text.removeprefix(PREFIX)) if text.startswith(PREFIX) else checkpoint_in(Path(text))


def _check(name: str) -> None:
    known = names()
    if name not in known:
        raise SrlabError(
            f"{PREFIX}{name}: no network of this name comes with srlab.{nearest(name, known)} "
            f"There are {', '.join(known)}."
        )
