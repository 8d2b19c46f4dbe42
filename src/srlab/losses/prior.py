"""Prior loss: the distance between the outputs of a network of the user's own (identity, landmarks, edges)."""

import importlib
import inspect
import typing
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srlab.errors import SrlabError, nearest
from srlab.losses.features import to_rgb
from srlab.losses.term import LossTerm
from srlab.weights.backbones import Frozen


def cosine_distance(found: Tensor, wanted: Tensor) -> Tensor:
    """Returns 1 - the cosine of the angle between two outputs, each flattened to a vector; the mean over a batch."""
    return 1 - F.cosine_similarity(found.flatten(1), wanted.flatten(1)).mean()


DISTANCES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "l2": F.mse_loss,
    "l1": F.l1_loss,
    "cosine": cosine_distance,
}


class Prior(LossTerm):
    """The distance between a frozen network's outputs for SR and for HR, averaged over its outputs.

    For faces: embeddings of an identity network with cosine, as SICNN's super-identity loss (Zhang et al. 2018,
    arXiv:1811.02328), or heatmaps of a landmark network with l2, as FSRNet's prior (Chen et al. 2018,
    arXiv:1711.10703).

    Args:
        network: "package.module:factory": a subclass of torch.nn.Module, or a function that is annotated to return
            one, without arguments. The module takes RGB
            images (N, 3, H, W) in [0, 1] and returns a tensor, or a list or tuple of tensors, with N first. It is not
            trained and not in checkpoints.
        distance: l2 (mean squared error), l1 or cosine.

    Raises:
        SrlabError: the name cannot be imported, or what it returns is not a module.
    """

    def __init__(self, network: str | None = None, distance: str = "l2") -> None:
        super().__init__()
        self.check(network, distance)
        self.network = Frozen(_build(str(network)))
        self.distance = DISTANCES[distance]

    @classmethod
    def check(cls, network: str | None, distance: str) -> None:
        if distance not in DISTANCES:
            hint = nearest(str(distance), DISTANCES)
            raise SrlabError(f"loss.prior.distance={distance}: expected {', '.join(DISTANCES)}.{hint}")
        module, _, factory = str(network).partition(":")
        if network is None or not module or not factory:
            raise SrlabError(
                f"loss.prior.network={'null' if network is None else network}: expected package.module:factory, a "
                f"callable without arguments that returns a torch.nn.Module."
            )

    def forward(self, sr: Tensor, target: Tensor, lr: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = _outputs(self.network(to_rgb(target)))
        found = _outputs(self.network(to_rgb(sr)))
        return torch.stack([self.distance(*pair) for pair in zip(found, wanted, strict=True)]).mean()


def _outputs(result: Any) -> list[Tensor]:
    return list(result) if isinstance(result, (list, tuple)) else [result]


def _build(name: str) -> nn.Module:
    """Imports and calls "package.module:factory". Raises SrlabError unless it gives a module."""
    module, _, factory = name.partition(":")
    try:
        make = getattr(importlib.import_module(module), factory)
    except (ImportError, AttributeError) as error:
        reason = str(error).partition("\n")[0]
        raise SrlabError(
            f"loss.prior.network={name}: cannot be imported ({reason}). Start in the module's folder, or put it on "
            f"PYTHONPATH."
        ) from None
    if not _returns_a_module(make):
        raise SrlabError(
            f"loss.prior.network={name}: expected a subclass of torch.nn.Module, or a function that is annotated to "
            f"return one: def {factory}() -> torch.nn.Module."
        )
    network = make()
    if not isinstance(network, nn.Module):
        kind = type(network).__name__
        raise SrlabError(f"loss.prior.network={name}: returned a {kind}; expected a torch.nn.Module.")
    return network


def _returns_a_module(make: Any) -> bool:
    """Whether something makes a module, as far as that can be known before it is called: os:abort is never called."""
    if inspect.isclass(make):
        return issubclass(make, nn.Module)
    try:
        kind = typing.get_type_hints(make).get("return") if inspect.isfunction(make) else None
    except NameError:  # an annotation that only type checkers can resolve
        return False
    return inspect.isclass(kind) and issubclass(kind, nn.Module)
