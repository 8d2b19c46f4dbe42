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
    """Builds the terms whose weight is not 0; the others cost nothing.

    config: term -> {"weight": number, and what the term's constructor takes}, as in conf/loss.
    weights: a backbone's name -> the source of its weights, as srlab.weights.backbones.backbone_state takes it.
    scale: the method's; None if it has several.
    `weights` holds the numbers of the config, and `adversarial` the adversarial term, None at weight 0. The method
    calls that one itself, since it needs a discriminator. A term with weights of its own (cycle) has them in
    parameters(), to be trained; a pretrained network is neither there nor in state_dict().
    Raises SrlabError for what `check_loss` refuses, and where a term cannot be built.
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
        """(N, C, H, W) twice and (N, C, h, w), in [0, 1] -> each term by name but `adversarial`, before weighting."""
        return {name: term(sr, target, lr) for name, term in self.terms.items()}

    def total(self, parts: Mapping[str, Tensor]) -> Tensor:
        """The weighted sum of what `forward` gave, and of `adversarial` where it is among them; a scalar."""
        return torch.stack([self.weights[name] * value for name, value in parts.items()]).sum()


def check_loss(config: Config) -> None:
    """Raises SrlabError for an unknown term, option or value, and where every weight is 0. Builds no network."""
    for name, (_, options) in _switched_on(config).items():
        defaults = {key: p.default for key, p in _keywords(LOSS_TERMS[name]).items()}
        LOSS_TERMS[name].check(**{**defaults, **options})


def random_backbones(config: Config, weights: Mapping[str, str | None]) -> list[str]:
    """The networks with random weights that a loss looks through: what it has trained proves its wiring alone."""
    random = {name for name, source in weights.items() if source == RANDOM}
    if not random:
        return []
    used = {LOSS_TERMS[name].backbone(**options) for name, (_, options) in _switched_on(config).items()}
    return sorted(random.intersection(used))


def _switched_on(config: Config) -> dict[str, tuple[float, dict[str, Any]]]:
    """The terms whose weight is not 0, with their options."""
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
    """The parameters of a term's constructor: its options, or what it takes by keyword only."""
    return {key: p for key, p in inspect.signature(term).parameters.items() if p.kind is kind}
