"""Optimizers from plain values, and the norm of the gradient that they see."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from srlab.errors import SrlabError, nearest


def build_optimizer(groups: Iterable[dict[str, Any]], optimizer: Mapping[str, Any], fused: bool) -> Optimizer:
    """Builds adam, adamw or sgd.

    Args:
        groups: PyTorch's parameter groups.
        optimizer: the recipe's plain values, as conf/train.yaml has them.
        fused: PyTorch's argument of that name.

    Raises:
        SrlabError: another name, or betas that are not two numbers.
    """
    name = optimizer["name"]
    common = {"lr": optimizer["learning_rate"], "weight_decay": optimizer["weight_decay"], "fused": fused}
    if len(optimizer["betas"]) != 2:
        raise SrlabError(f"optimizer.betas={list(optimizer['betas'])}: expected two numbers, such as [0.9,0.999].")
    if name in ("adam", "adamw"):
        kind = torch.optim.Adam if name == "adam" else torch.optim.AdamW
        return kind(groups, betas=tuple(optimizer["betas"]), eps=optimizer["epsilon"], **common)
    if name == "sgd":
        return torch.optim.SGD(groups, momentum=optimizer["momentum"], **common)
    raise SrlabError(f"optimizer.name={name}: expected adam, adamw or sgd.{nearest(name, ('adam', 'adamw', 'sgd'))}")


def gradient_norm(optimizer: Optimizer) -> Tensor:
    """Returns the Euclidean norm of the whole gradient that an optimizer sees; 0 where there is none."""
    parameters = (p for group in optimizer.param_groups for p in group["params"])
    return nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
