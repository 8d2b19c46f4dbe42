"""Exponential moving average (EMA) of a network's weights."""

import torch
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


def decay_at(step: int, decay: float) -> float:
    """Returns the decay of an average after `step` updates: `decay`, and less in the first steps.

    A constant decay would keep the random start in the average for thousands of steps.
    """
    return min(decay, (1 + step) / (10 + step))


@torch.no_grad()
def update_average(averaged: nn.Module, network: nn.Module, decay: float) -> None:
    """Sets averaged weights to decay * averaged + (1 - decay) * network; buffers (BatchNorm statistics) are copied.

    Args:
        averaged: changed in place; a copy of `network` with other values.
        network: the trained network.
        decay: from 0 to 1.
    """
    update = get_ema_multi_avg_fn(decay)  # PyTorch's, one kernel for all weights; it ignores its last argument
    update(list(averaged.parameters()), list(network.parameters()), 0)
    for old, new in zip(averaged.buffers(), network.buffers(), strict=True):
        old.copy_(new)
