"""The weighted sum of loss terms."""

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from srlab.errors import SrlabError, nearest
from srlab.losses.pixel import L1, L2, Charbonnier
from srlab.losses.regularization import TotalVariation
from srlab.losses.term import LossTerm

LOSS_TERMS: dict[str, type[LossTerm]] = {
    "l1": L1,
    "l2": L2,
    "charbonnier": Charbonnier,
    "tv": TotalVariation,
}


class WeightedLoss(nn.Module):
    """Builds the terms whose weight is not 0; the others cost nothing.

    config: term -> {"weight": number, and what the term's constructor takes}, as in conf/loss.
    Raises SrlabError for an unknown term, and where every weight is 0.
    """

    def __init__(self, config: Mapping[str, Mapping[str, Any]]) -> None:
        super().__init__()
        self.weights: dict[str, float] = {}
        self.terms = nn.ModuleDict()
        for name, options in config.items():
            if name not in LOSS_TERMS:
                raise SrlabError(f"loss.{name}: no such term ({', '.join(LOSS_TERMS)}).{nearest(name, LOSS_TERMS)}")
            arguments = dict(options)
            weight = arguments.pop("weight", 0.0)
            if not isinstance(weight, (int, float)) or weight < 0:
                raise SrlabError(f"loss.{name}.weight={weight}: expected a number of at least 0.")
            if weight != 0:
                _check_arguments(name, arguments)
                self.weights[name] = weight
                self.terms[name] = LOSS_TERMS[name](**arguments)
        if not self.weights:
            raise SrlabError("loss: every term has weight 0. Give one a weight, such as loss.l1.weight=1.")

    def forward(self, sr: Tensor, target: Tensor) -> dict[str, Tensor]:
        """(N, C, H, W) twice, in [0, 1] -> each term by name, before weighting. `total` sums them."""
        return {name: term(sr, target) for name, term in self.terms.items()}

    def total(self, parts: Mapping[str, Tensor]) -> Tensor:
        """The weighted sum of what `forward` gave, a scalar."""
        return torch.stack([self.weights[name] * value for name, value in parts.items()]).sum()


def _check_arguments(name: str, arguments: Mapping[str, Any]) -> None:
    term = LOSS_TERMS[name]
    known = [] if term.__init__ is LossTerm.__init__ else list(inspect.signature(term).parameters)
    for key in arguments:
        if key not in known:
            raise SrlabError(f"loss.{name}.{key}: the term has {', '.join(['weight', *known])}.{nearest(key, known)}")
