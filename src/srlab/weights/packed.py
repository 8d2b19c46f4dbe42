"""Checkpoints to pass on: one .safetensors file, whose metadata says how to build the network."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from srlab.atomic_write import atomic_write
from srlab.networks import NETWORKS, NETWORKS_OF_METHODS
from srlab.networks.arguments import with_defaults
from srlab.networks.network import SRNetwork
from srlab.weights.about import About

ABOUT = "about"  # among the facts
MARK = "srlab"  # the entry that makes a file a checkpoint of srlab, and the metadata's key
FACTS = "srlab.facts"  # a tensor of bytes, the metadata's JSON, in files for programs that see the tensors alone
TRAINED = "network."  # beginning of the keys of the trained weights in a checkpoint


def write_packed(
    path: Path, facts: Mapping[str, Any], state: Mapping[str, Tensor], half: bool, facts_as_tensor: bool = False
) -> None:
    """Writes a network, whole or not at all.

    Args:
        path: of the file, which ends in .safetensors.
        facts: plain values: what a checkpoint holds beside its state dict.
        state: of the network, by its own keys.
        half: whether to write filters in float16. Biases, statistics of BatchNorm and the constants of the mean shift
            stay as they are: their range is larger, and they are less than a hundredth of a file.
        facts_as_tensor: whether to write the facts under FACTS too, for programs that see the tensors alone.
    """
    kept = {key: _compact(value) if half else value.detach().clone() for key, value in state.items()}
    text = json.dumps(dict(facts))
    metadata = {"format": "pt", **in_words(facts), MARK: text}
    if facts_as_tensor:
        kept[FACTS] = torch.tensor(list(text.encode()), dtype=torch.uint8)
    with atomic_write(path) as partial:
        save_file({key: value.contiguous() for key, value in kept.items()}, partial, metadata=metadata)


def in_words(facts: Mapping[str, Any]) -> dict[str, str]:
    """Returns what a person asks of a network first, as text by topic: the metadata beside the JSON.

    Args:
        facts: as for `write_packed`; what `About.plain` gives may stand under ABOUT.
    """
    method = facts[MARK]["method"]
    kind = NETWORKS.get(NETWORKS_OF_METHODS.get(method, method), SRNetwork)
    arguments = with_defaults(kind, facts["hyper_parameters"]["network"])
    scales = arguments.get("scales", [arguments["scale"]] if "scale" in arguments else [])
    channels = {1: "luma (BT.601), 0 to 1", 3: "RGB, 0 to 1"}.get(arguments.get("channels", 0))
    found = {
        "network": method,
        "scale": ", ".join(map(str, scales)) or "any",
        "range": "" if channels is None else f"{channels}, not clamped",
        "arguments": ", ".join(f"{key}={value}".replace(" ", "") for key, value in arguments.items()),
        **About.of_plain(facts.get(ABOUT, {})).words(),
    }
    return {topic: text for topic, text in found.items() if text}


def without_facts(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns a state dict without what `facts_as_tensor` adds to it."""
    return {key: value for key, value in state.items() if key != FACTS}


def _compact(value: Tensor) -> Tensor:
    filters = value.is_floating_point() and value.dim() > 1
    return value.detach().to(torch.float16) if filters else value.detach().clone()


def read_packed(path: Path) -> dict[str, Any]:
    """Reads a .safetensors file: a checkpoint's content, as Lightning lays it out, or a state dict.

    Args:
        path: of the file. Where its metadata has MARK, it is a checkpoint; float16 becomes float32 there.

    Raises:
        safetensors.SafetensorError, json.JSONDecodeError: a damaged file.
    """
    with safe_open(path, framework="pt") as file:
        facts = (file.metadata() or {}).get(MARK)
        state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - it is no dictionary
    if facts is None:
        return state
    state = without_facts(state)
    whole = {key: value.float() if value.is_floating_point() else value for key, value in state.items()}
    return {**json.loads(facts), "state_dict": {TRAINED + key: value for key, value in whole.items()}}
