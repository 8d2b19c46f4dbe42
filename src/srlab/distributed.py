"""The little that our own code says to other ranks."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import nn

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


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Gives every rank the mean of all ranks' gradients, in one message; every rank must have the same ones.

    For methods that step by hand: DDP's own reduction is made for one backward pass over all weights a step.
    """
    gradients = [p.grad for p in parameters if p.grad is not None]
    if rank_and_world()[1] == 1 or not gradients:
        return
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    parts = (flat / dist.get_world_size()).split([gradient.numel() for gradient in gradients])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.reshape(gradient.shape))
