"""The weights in a folder: checkpoints, runs and authors' files, and which of conf/model they are of."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from srlab.errors import SrlabError
from srlab.evaluation.complexity import trainable_parameters
from srlab.methods import find_method
from srlab.methods.super_resolver import SuperResolver
from srlab.networks import NETWORKS, network_name
from srlab.networks.network import State
from srlab.run_files import RunFiles, checkpoint_in
from srlab.weights.checkpoint import evaluated_weights, is_checkpoint, parse_checkpoint
from srlab.weights.files import SUFFIXES, network_state, read_file
from srlab.weights.fitting import fit
from srlab.weights.foreign_networks import foreign_network
from srlab.weights.recognition import Recognised, incomplete, recognise

ENDINGS = (".ckpt", *SUFFIXES)
SCALE_IN_NAME = re.compile(r"(?<![a-z])x([2348])(?!\d)", re.IGNORECASE)  # srcnn_955_x2.pt, vdsr_x2x3x4.pth


@dataclass(frozen=True)
class Weights:
    """A file's weights, recognised.

    Attributes:
        path: of the file.
        network: its key in NETWORKS.
        arguments: of the network's constructor: all of a checkpoint, else those that shapes show.
        state: by the network's own keys.
        method: the key in METHODS that a checkpoint names; None for bare weights.
        scales: those that it was trained on, as a checkpoint knows; of bare weights whose shapes do not show a scale,
            those in the file's name. None where there is nothing to go by.
    """

    path: Path
    network: str
    arguments: Mapping[str, Any]
    state: State
    method: str | None
    scales: tuple[int, ...] | None

    def __str__(self) -> str:
        shown = " ".join(f"{key}={value}".replace(" ", "") for key, value in self.arguments.items())
        scales = "" if self.scales is None else f" of {', '.join(f'x{scale}' for scale in self.scales)}"
        return f"{self.method or self.network}{scales}: {shown}"


def weight_files(folder: Path) -> list[Path]:
    """Finds what may hold weights, in a folder and those below it.

    Args:
        folder: a folder, the folder of one run, or a file.

    Returns:
        Files by name; of a run its folder alone, since the best of its checkpoints counts.

    Raises:
        SrlabError: there is no such folder, or nothing in it.
    """
    if not folder.exists():
        raise SrlabError(f"weights={folder}: no such folder. Expected one with checkpoints, runs or files of weights.")
    found = [folder] if folder.is_file() else _found_in(folder)
    if not found:
        raise SrlabError(f"weights={folder}: holds no weights: no run, and no file that ends in {', '.join(ENDINGS)}.")
    return found


def _found_in(folder: Path) -> list[Path]:
    if RunFiles(folder).is_run:
        return [folder]
    paths = []
    for item in sorted(folder.iterdir()):
        if item.is_dir() and not item.is_symlink():  # a link may lead back to where it stands
            paths += _found_in(item)
        elif item.is_file() and item.suffix in ENDINGS:
            paths.append(item)
    return paths


def read_weights(path: Path) -> Weights:
    """Reads and recognises the weights of a file, or of a run's best checkpoint.

    Raises:
        SrlabError: the file cannot be read, a run has no checkpoint yet, or these are not the weights of a whole
            network that srlab has.
    """
    file = checkpoint_in(path)
    content = read_file(file)
    if is_checkpoint(content):
        checkpoint = parse_checkpoint(content, file)
        network = network_name(find_method(checkpoint.method).Network)
        scales = (checkpoint.recipe or {}).get("scales")
        state = evaluated_weights(checkpoint.state)
        known = tuple(scales) if scales else None
        return Weights(file, network, checkpoint.network, state, checkpoint.method, known)
    found = _recognised(network_state(content, file), file)
    return Weights(file, found.network, _shown(found), found.state, None, _scales_in_name(found, file))


def _recognised(state: State, file: Path) -> Recognised:
    found = recognise(state)
    if found is None:
        foreign = foreign_network(state)
        what = f"{foreign}, which srlab does not have" if foreign else "no whole network that srlab has"
        raise SrlabError(f"{file}: holds the weights of {what}. {incomplete(state)}".strip())
    return found


def _shown(found: Recognised) -> dict[str, Any]:
    """Returns the arguments that shapes do show; recognition may give the others any value."""
    unseen = NETWORKS[found.network].unseen
    return {key: value for key, value in found.arguments.items() if key not in unseen}


def _scales_in_name(found: Recognised, file: Path) -> tuple[int, ...] | None:
    if {"scale", "scales"} & _shown(found).keys():
        return None
    return tuple(int(digit) for digit in SCALE_IN_NAME.findall(file.stem)) or None


def method_with(
    weights: Weights, key: str, network: Mapping[str, Any], scale: int, sizes: Sequence[int]
) -> SuperResolver | None:
    """Builds a method of conf/model with weights.

    Args:
        weights: of any network.
        key: of the method in METHODS.
        network: arguments of its network, as conf/model has them at this scale; those that the weights show win.
        scale: of the super-resolution.
        sizes: numbers of trainable parameters of the published network.

    Returns:
        The method in eval mode; None where the weights are of another method, size or scale.

    Raises:
        SrlabError: a checkpoint's weights do not fit the network that it names.
    """
    kind = find_method(key)
    if network_name(kind.Network) != weights.network or weights.method not in (None, key):
        return None
    if weights.scales is not None and scale not in weights.scales:
        return None
    arguments = {**network, **weights.arguments}
    with torch.device("meta"):
        sketch = kind(arguments)
    scales = sketch.traits.scales
    if trainable_parameters(sketch) not in sizes or (scales is not None and scale not in scales):
        return None
    method = kind(arguments)
    fit(method.network, weights.state, weights.path)
    return method.eval()
