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

MARK = "srlab"  # the entry that makes a file a checkpoint of srlab, and the metadata's key
TRAINED = "network."  # beginning of the keys of the trained weights in a checkpoint


def write_packed(path: Path, facts: Mapping[str, Any], state: Mapping[str, Tensor], half: bool) -> None:
    """Writes a network, whole or not at all.

    Args:
        path: of the file, which ends in .safetensors.
        facts: plain values: what a checkpoint holds beside its state dict.
        state: of the network, by its own keys.
        half: whether to write filters in float16. Biases, statistics of BatchNorm and the constants of the mean shift
            stay as they are: their range is larger, and they are less than a hundredth of a file.
    """
    kept = {key: _compact(value) if half else value.detach().clone() for key, value in state.items()}
    with atomic_write(path) as partial:
        save_file(
            {key: value.contiguous() for key, value in kept.items()}, partial, metadata={MARK: json.dumps(dict(facts))}
        )


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
    whole = {key: value.float() if value.is_floating_point() else value for key, value in state.items()}
    return {**json.loads(facts), "state_dict": {TRAINED + key: value for key, value in whole.items()}}
