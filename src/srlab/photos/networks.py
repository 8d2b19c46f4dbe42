"""Which network enlarges which photo."""

from collections.abc import Callable

from srlab.errors import SrlabError, nearest
from srlab.inference.loading import INTERPOLATIONS, load
from srlab.inference.upscaler import Settings, Upscaler
from srlab.networks import NETWORKS
from srlab.weights import zoo

DEFAULT = "edsr_baseline"  # of the networks that come with srlab, the best on photos that has x2, x3 and x4
CLEAN = "mdsr_clean"  # the one that was trained on generated images alone
USUAL = 2.0  # the scale where nobody says one
EXACT = 1e-9  # by which a factor may exceed a scale for reasons of rounding


def source_of(ckpt: str | None, model: str | None, weights: str | None, clean: bool = False) -> str:
    """Returns what `srlab.inference.loading.load` is to load for these options.

    Args:
        ckpt: a checkpoint, a run's folder, pretrained:NAME or a repository of the hub.
        model: an interpolation, a network that comes with srlab, or the network that `weights` are of.
        weights: a file of weights, or "pretrained".
        clean: whether to take the network that was trained on generated images alone.

    Raises:
        SrlabError: they contradict each other, or a model has no weights.
    """
    if clean:
        if (ckpt, model, weights) != (None, None, None):
            raise SrlabError(
                f"clean=true: is the network {CLEAN}, and ckpt=, model= and weights= name others. Leave them out."
            )
        return CLEAN
    if ckpt is not None:
        if model is not None or weights is not None:
            raise SrlabError(f"ckpt={ckpt}: says which network, and so do model= and weights=. Leave one out.")
        return ckpt
    if weights is not None and weights != zoo.PRETRAINED:
        return weights
    if model is None:
        return DEFAULT
    shipped = [*INTERPOLATIONS, *sorted({zoo.card(name).model for name in zoo.names()}), *zoo.names()]
    if model in shipped:
        return model
    if model in NETWORKS or model == "spandrel":
        raise SrlabError(f"model={model}: comes without weights. Say weights=FILE too, or ckpt=FILE instead.")
    raise SrlabError(
        f"model={model}: expected one of {', '.join(shipped)}, or a network with weights=FILE.{nearest(model, shipped)}"
    )


class Networks:
    """Loads networks when they are needed, each once.

    Args:
        source: what to load; of a model that comes with srlab in several scales, the one that suffices.
        settings: how they are run.
        scale: by which all photos grow, where there is one scale.
        model: what the network must be an instance of, where the user said so.
        loader: for tests.
    """

    def __init__(
        self, source: str, settings: Settings, scale: float | None = None, model: str | None = None,
        loader: Callable[[str, float | None, Settings], Upscaler] = load,
    ) -> None:  # fmt: skip
        self.source, self.settings, self.scale, self.model, self._load = source, settings, scale, model, loader
        self._family = {
            s: name for name in zoo.names() if (card := zoo.card(name)).model == source for s in card.scales
        }
        self._loaded: dict[str, Upscaler] = {}

    def usual_scale(self) -> float:
        """The scale where nobody says one: x2 where the network has it, otherwise its smallest."""
        scales = tuple(self._family) or self._get(self.source).scales
        return USUAL if scales is None or USUAL in scales else float(min(scales))

    def for_factor(self, factor: float) -> Upscaler:
        """Returns the network for photos that grow by a factor. Raises SrlabError where none reaches it."""
        if not self._family:
            return self._checked(self._get(self.source), factor)
        enough = [scale for scale in self._family if scale >= factor - EXACT]
        if not enough:
            raise _too_much(self.source, sorted(self._family), factor)
        return self._get(self._family[min(enough)])

    def _get(self, source: str) -> Upscaler:
        if source not in self._loaded:
            upscaler = self._load(source, None if self._family else self.scale, self.settings)
            if upscaler.network.traits.condition_length is not None:
                raise SrlabError(
                    f"{source}: needs to be told how each photo was blurred, and srlab upscale cannot. Use a network "
                    f"without a condition."
                )
            wanted = NETWORKS.get(self.model or "")
            if wanted is not None and not isinstance(upscaler.network, wanted):
                raise SrlabError(f"model={self.model}: {source} holds another network ({upscaler.label}).")
            self._loaded[source] = upscaler
        return self._loaded[source]

    def _checked(self, upscaler: Upscaler, factor: float) -> Upscaler:
        scales = upscaler.scales
        if scales is not None and max(scales) < factor - EXACT:
            raise _too_much(upscaler.label, sorted(scales), factor)
        return upscaler


def _too_much(label: str, scales: list[int], factor: float) -> SrlabError:
    has = ", ".join(f"x{scale}" for scale in scales)
    return SrlabError(
        f"{label}: has {has}, and the result is {factor:.4g} times as large. Ask for x{max(scales)} at most, and once "
        f"more for the result; or say model=bicubic."
    )
