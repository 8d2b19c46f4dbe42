"""The little that our own code says to other ranks."""

from collections.abc import Mapping
from typing import TypeVar

import torch.distributed as dist

Key = TypeVar("Key")
Value = TypeVar("Value")


def rank_and_world() -> tuple[int, int]:
    """(0, 1) outside a process group."""
    return (dist.get_rank(), dist.get_world_size()) if dist.is_available() and dist.is_initialized() else (0, 1)


def merge_over_ranks(values: Mapping[Key, Value]) -> dict[Key, Value]:
    """The union of every rank's dictionary, the same on every rank.

    Keyed by image, so what two ranks have measured counts once, and ranks may hold different numbers of images.
    """
    if rank_and_world()[1] == 1:
        return dict(values)
    gathered: list[dict[Key, Value]] = [{} for _ in range(dist.get_world_size())]
    dist.all_gather_object(gathered, dict(values))
    return {key: value for part in gathered for key, value in sorted(part.items(), key=lambda item: str(item[0]))}
