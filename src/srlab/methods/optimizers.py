"""Optimizers from plain values; the norm of the gradient that an optimizer sees, and its clipping."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from srlab.errors import SrlabError, nearest
from srlab.networks.network import SRNetwork

SLOWER = 10  # slow layers learn at the learning rate divided by this


def parameter_groups(network: SRNetwork, learning_rate: float) -> list[dict[str, Any]]:
    """Returns a network's weights as PyTorch's parameter groups; the slow layers of its traits have one of their own.

    Args:
        network: to be trained.
        learning_rate: of the other layers.
    """
    slow = {p for path in network.traits.slow_layers for p in _parameters_at(network, path)}
    groups: list[dict[str, Any]] = [{"params": [p for p in network.parameters() if p not in slow]}]
    if slow:
        own = [p for p in network.parameters() if p in slow]
        groups.append({"params": own, "lr": learning_rate / SLOWER})
    return groups


def _parameters_at(network: SRNetwork, path: str) -> list[nn.Parameter]:
    """Returns the parameter of a path, or all of the module of a path."""
    one = dict(network.named_parameters()).get(path)
    return list(network.get_submodule(path).parameters()) if one is None else [one]


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


def _parameters(optimizer: Optimizer) -> list[Tensor]:
    return [p for group in optimizer.param_groups for p in group["params"]]


def gradient_norm(optimizer: Optimizer) -> Tensor:
    """Returns the Euclidean norm of the whole gradient that an optimizer sees; 0 where there is none."""
    return nn.utils.get_total_norm([p.grad for p in _parameters(optimizer) if p.grad is not None])


def clip_gradient_norm(optimizer: Optimizer, largest: float) -> None:
    """Scales the whole gradient that an optimizer sees down to the norm `largest`, where its norm is larger."""
    nn.utils.clip_grad_norm_(_parameters(optimizer), largest)


def clip_gradient_value(optimizer: Optimizer, largest: float) -> None:
    """Clips every component of the gradient to [-largest, largest]."""
    nn.utils.clip_grad_value_(_parameters(optimizer), largest)


def clip_gradient_by_rate(optimizer: Optimizer, theta: float) -> None:
    """Clips every component to [-theta / learning rate, theta / learning rate] (VDSR, section 3.2).

    So plain gradient descent moves no weight by more than theta, at any learning rate.
    """
    for group in optimizer.param_groups:
        if group["lr"] > 0:
            nn.utils.clip_grad_value_(group["params"], theta / group["lr"])


def clip_gradient_norm_by_rate(optimizer: Optimizer, theta: float) -> None:
    """Scales the whole gradient down to the norm theta / learning rate, where its norm is larger.

    So plain gradient descent moves all weights together by no more than theta, at any learning rate. The learning rate
    is that of the first group.
    """
    if (rate := optimizer.param_groups[0]["lr"]) > 0:
        clip_gradient_norm(optimizer, theta / rate)
