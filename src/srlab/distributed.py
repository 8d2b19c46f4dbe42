"""Collective operations: rank, world size, merging of dictionaries by key, average of gradients."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import nn

Key = TypeVar("Key")
Value = TypeVar("Value")


def rank_and_world() -> tuple[int, int]:
    """Returns this process's rank and the number of ranks; (0, 1) outside a process group."""
    return (dist.get_rank(), dist.get_world_size()) if dist.is_available() and dist.is_initialized() else (0, 1)


def merge_over_ranks(values: Mapping[Key, Value]) -> dict[Key, Value]:
    """Returns the union of all ranks' dictionaries, the same on every rank; all ranks must call it.

    Args:
        values: of this rank, such as measurements by image. A key that several ranks have counts once, and ranks may
            have different numbers of keys.
    """
    if rank_and_world()[1] == 1:
        return dict(values)
    gathered: list[dict[Key, Value]] = [{} for _ in range(dist.get_world_size())]
    dist.all_gather_object(gathered, dict(values))
    return {key: value for part in gathered for key, value in sorted(part.items(), key=lambda item: str(item[0]))}


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Replaces every gradient by its mean over all ranks, in one message; all ranks must call it.

    For methods under manual optimization: DDP itself expects one backward pass over all weights in a step.

    Args:
        parameters: the same ones on every rank; those without a gradient are left out.
    """
    gradients = [p.grad for p in parameters if p.grad is not None]
    if rank_and_world()[1] == 1 or not gradients:
        return
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    parts = (flat / dist.get_world_size()).split([gradient.numel() for gradient in gradients])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.reshape(gradient.shape))
