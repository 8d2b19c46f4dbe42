"""The weighted sum of loss terms."""

import inspect
import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from srlab.errors import SrlabError, nearest
from srlab.losses.adversarial import Adversarial
from srlab.losses.cycle import CycleConsistency
from srlab.losses.features import Weights
from srlab.losses.perceptual import PerceptualLoss
from srlab.losses.pixel import L1, L2, Charbonnier
from srlab.losses.prior import Prior
from srlab.losses.regularization import TotalVariation
from srlab.losses.style import StyleLoss
from srlab.losses.term import Term
from srlab.weights.backbones import RANDOM

LOSS_TERMS: dict[str, type[Term]] = {
    "l1": L1,
    "l2": L2,
    "charbonnier": Charbonnier,
    "tv": TotalVariation,
    "perceptual": PerceptualLoss,
    "style": StyleLoss,
    "cycle": CycleConsistency,
    "prior": Prior,
    "adversarial": Adversarial,
}

Config = Mapping[str, Mapping[str, Any]]


class WeightedLoss(nn.Module):
    """The terms whose weight is not 0; the others are not built.

    parameters() holds the weights of terms that learn (cycle). Pretrained networks are neither there nor in
    state_dict().

    Args:
        config: term -> {"weight": number, and what the term's constructor takes}, as in conf/loss.
        weights: a backbone's name -> the source of its weights, as srlab.weights.backbones.backbone_state takes it.
        scale: the method's; None if it has several.

    Attributes:
        weights: a term's name -> its weight.
        terms: a term's name -> the term, without the adversarial one.
        adversarial: the adversarial term, or None at weight 0. It needs a discriminator, so the method calls it.

    Raises:
        SrlabError: what `check_loss` refuses, or a term that cannot be built.
    """

    def __init__(self, config: Config, weights: Weights | None = None, scale: int | None = None) -> None:
        super().__init__()
        self.weights: dict[str, float] = {}
        self.terms = nn.ModuleDict()
        self.adversarial: Adversarial | None = None
        given = {"weights": weights or {}, "scale": scale}
        for name, (weight, options) in _switched_on(config).items():
            kind = LOSS_TERMS[name]
            term = kind(**options, **{key: given[key] for key in _keywords(kind, inspect.Parameter.KEYWORD_ONLY)})
            self.weights[name] = weight
            if isinstance(term, Adversarial):
                self.adversarial = term
            else:
                self.terms[name] = term

    def forward(self, sr: Tensor, target: Tensor, lr: Tensor) -> dict[str, Tensor]:
        """Returns every term but `adversarial` by name, before weighting; for the shapes see LossTerm.forward."""
        return {name: term(sr, target, lr) for name, term in self.terms.items()}

    def total(self, parts: Mapping[str, Tensor]) -> Tensor:
        """Returns the weighted sum of terms, by name, as `forward` gives them; `adversarial` may be among them."""
        return torch.stack([self.weights[name] * value for name, value in parts.items()]).sum()


def check_loss(config: Config) -> None:
    """Checks conf/loss without building a network.

    Raises:
        SrlabError: an unknown term, option or value, or every weight is 0.
    """
    for name, (_, options) in _switched_on(config).items():
        defaults = {key: p.default for key, p in _keywords(LOSS_TERMS[name]).items()}
        LOSS_TERMS[name].check(**{**defaults, **options})


def random_backbones(config: Config, weights: Mapping[str, str | None]) -> list[str]:
    """Returns the pretrained networks that a loss uses with random weights, sorted by name.

    What was trained by such a loss shows that the code runs, and nothing else, so tables mark it.
    """
    random = {name for name, source in weights.items() if source == RANDOM}
    if not random:
        return []
    return sorted(random & used_backbones(config))


def used_backbones(config: Config) -> set[str]:
    """Returns the names, in weights.backbones, of the pretrained networks that a loss uses."""
    used = (LOSS_TERMS[name].backbone(**options) for name, (_, options) in _switched_on(config).items())
    return {name for name in used if name is not None}


def _switched_on(config: Config) -> dict[str, tuple[float, dict[str, Any]]]:
    """Returns name -> (weight, options) of the terms whose weight is not 0; raises SrlabError where it is every one."""
    found = {}
    for name, settings in config.items():
        if name not in LOSS_TERMS:
            raise SrlabError(f"loss.{name}: no such term ({', '.join(LOSS_TERMS)}).{nearest(name, LOSS_TERMS)}")
        options = dict(settings)
        weight = options.pop("weight", 0.0)
        if not isinstance(weight, (int, float)) or not 0 <= weight < math.inf:
            raise SrlabError(f"loss.{name}.weight={weight}: expected a number of at least 0.")
        if weight != 0:
            _check_names(name, options)
            found[name] = (weight, options)
    if not found:
        raise SrlabError("loss: every term has weight 0. Give one a weight, such as loss.l1.weight=1.")
    return found


def _check_names(name: str, options: Mapping[str, Any]) -> None:
    known = list(_keywords(LOSS_TERMS[name]))
    for key in options:
        if key not in known:
            raise SrlabError(f"loss.{name}.{key}: the term has {', '.join(['weight', *known])}.{nearest(key, known)}")


def _keywords(term: type[Term], kind: Any = inspect.Parameter.POSITIONAL_OR_KEYWORD) -> dict[str, inspect.Parameter]:
    """Returns the parameters of a term's constructor: its options, or the keyword-only ones."""
    return {key: p for key, p in inspect.signature(term).parameters.items() if p.kind is kind}
