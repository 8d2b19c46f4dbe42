"""The networks that the page offers: those that come with srlab, interpolation, and a person's own."""

import re
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from srlab.errors import SrlabError, nearest
from srlab.inference.loading import INTERPOLATIONS, load
from srlab.inference.upscaler import Settings, Upscaler
from srlab.networks import NETWORKS, NETWORKS_OF_METHODS
from srlab.weights import zoo
from srlab.weights.checkpoint import read_checkpoint

ANY = (2, 3, 4)  # scales offered for what enlarges by any
LARGEST = 4  # scale: the size of a result grows with its square
TITLES = {name: f"{name.capitalize()} (no network)" for name in INTERPOLATIONS}


@dataclass(frozen=True)
class Choice:
    """A network as the page shows it.

    Attributes:
        name: that a job names.
        title: for people.
        about: in a few words.
        scales: that it is offered at.
    """

    name: str
    title: str
    about: str
    scales: tuple[int, ...]

    def plain(self) -> dict[str, Any]:
        """Returns plain values for JSON."""
        return asdict(self)


class Choices:
    """All networks of a page; each is loaded when it is first used.

    Args:
        names: models that come with srlab (edsr_baseline) or interpolations (bicubic); empty for all.
        checkpoints: what else `srlab.inference.loading.load` takes.

    Attributes:
        settings: how networks are run.

    Raises:
        SrlabError: a name that there is not, or a checkpoint that the page cannot offer.
    """

    def __init__(self, names: Sequence[str], checkpoints: Sequence[str]) -> None:
        self.settings = Settings()
        self._loaded: dict[tuple[str, int], Upscaler] = {}
        shipped = _shipped()
        known = [*shipped, *INTERPOLATIONS]
        for name in names:
            if name not in known:
                raise SrlabError(f"networks={name}: expected some of {', '.join(known)}.{nearest(name, known)}")
        self._sources: dict[str, str] = {}
        own = [self._own(source) for source in checkpoints]
        self.all = [*own, *(shipped.get(name) or _interpolation(name) for name in names or [*shipped, "bicubic"])]

    def upscaler(self, name: str, scale: int) -> Upscaler:
        """Returns a network of `all` at one of its scales, ready for use."""
        source = self._sources.get(name, name)
        if (name, scale) not in self._loaded:
            self._loaded[name, scale] = load(source, scale, self.settings)
        return self._loaded[name, scale]

    def compared_with(self, name: str, scale: int) -> Upscaler:
        """Returns what a visitor compares a network's result with: bicubic; nearest for bicubic itself."""
        return self.upscaler("nearest" if name == "bicubic" else "bicubic", scale)

    def _own(self, source: str) -> Choice:
        upscaler = load(source)
        if upscaler.network.traits.condition_length is not None:
            raise SrlabError(
                f"ckpt={source}: must be told how the photo was degraded, and the page has no field for it."
            )
        scales = tuple(scale for scale in upscaler.scales or ANY if 1 < scale <= LARGEST)
        if not scales:
            raise SrlabError(f"ckpt={source}: enlarges by none of the scales from 2 to {LARGEST} that the page offers.")
        name = f"own {len(self._sources) + 1}"
        self._sources[name] = source
        return Choice(name, upscaler.label, "A network of the person who runs this page.", scales)


def _shipped() -> dict[str, Choice]:
    """The networks that come with srlab, those of one model as one choice, best first."""
    cards: dict[str, list[zoo.Card]] = {}
    for name in zoo.names():
        card = zoo.card(name)
        cards.setdefault(card.model, []).append(card)
    choices = {}
    for model, own in sorted(cards.items(), key=lambda entry: -entry[1][0].parameters):
        scales = tuple(sorted({scale for card in own for scale in card.scales}))
        title = own[0].about.partition(" at x")[0]
        size = _in_words(own[0].parameters)
        texture = " Invents texture: pleasing, but not what was there." if "texture" in own[0].about else ""
        choices[model] = Choice(model, title, f"{_paper(own[0].name)}{size} parameters.{texture}", scales)
    order = sorted(choices, key=lambda model: (model != "edsr_baseline", -len(choices[model].scales)))
    return {model: choices[model] for model in order}


def _in_words(number: int) -> str:
    return f"{number / 1e6:.1f} million" if number >= 10**5.5 else f"{number:,}".replace(",", " ")


def _paper(name: str) -> str:
    """Who published a network, as the docstring of its module says it: "Lim et al. 2017. "; empty where it does not."""
    method = read_checkpoint(zoo.path(name)).method
    module = sys.modules[NETWORKS[NETWORKS_OF_METHODS.get(method, method)].__module__]
    found = re.search(r"\(([^(),]+ (?:et al\. )?\d{4})", module.__doc__ or "")
    return f"{found[1]}. " if found else ""


def _interpolation(name: str) -> Choice:
    return Choice(name, TITLES[name], "Classical interpolation, for comparison.", ANY)
