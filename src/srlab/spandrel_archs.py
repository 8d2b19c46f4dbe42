"""srlab's networks for programs that load theirs through spandrel (extra zoo).

    import spandrel
    import srlab.spandrel_archs

    srlab.spandrel_archs.install()
    model = spandrel.ModelLoader().load_from_file("edsr.safetensors")  # or a .ckpt of a run, or a released .pt

A loader of spandrel's sees the tensors of a file and nothing else. `srlab convert RUN OUT.safetensors layout=spandrel`
puts what no shape of a weight shows, such as a residual scale, among the tensors; of other files it is assumed, with a
warning.
"""

import json
import warnings
from typing import Any

import torch
from torch import Tensor, nn

from srlab.extras import require_extra
from srlab.inference.upscale import upscale
from srlab.networks import NETWORKS, NETWORKS_OF_METHODS
from srlab.networks.network import SRNetwork, State
from srlab.weights.bare import arguments_of_bare
from srlab.weights.checkpoint import evaluated_weights
from srlab.weights.layouts import LAYOUTS
from srlab.weights.packed import FACTS, MARK, TRAINED, without_facts
from srlab.weights.recognition import Recognised

require_extra("zoo", "srlab.spandrel_archs")
from spandrel import MAIN_REGISTRY, Architecture, ArchRegistry, ArchSupport, ImageModelDescriptor  # noqa: E402

PREFIX, OTHERS = "srlab_", "_of_others"  # of the architectures' ids


def install(registry: ArchRegistry = MAIN_REGISTRY, scale: int = 4) -> None:
    """Makes spandrel recognise the networks of srlab, by srlab's keys and by those of other projects that srlab knows.

    All keys and shapes must fit, so nothing that spandrel loads already is taken for another network. Calling it again
    changes nothing.

    Args:
        registry: of the loaders that are to know them; spandrel's own for all loaders.
        scale: that networks of several scales take, such as MDSR's and VDSR's, since a model of spandrel's has one; the
            largest that they have where they do not have this one.
    """
    theirs = tuple(support.architecture.id for support in registry)
    own = [SrlabArch(name, scale) for name in NETWORKS if name not in _WITHOUT_WEIGHTS]
    others = [OtherProjects(name, scale) for name in sorted({layout.network for layout in LAYOUTS})]
    registry.add(
        *(ArchSupport.from_architecture(arch, before=theirs) for arch in own),
        *(ArchSupport.from_architecture(arch) for arch in others),
        ignore_duplicates=True,
    )


_WITHOUT_WEIGHTS = ("interpolation", "selfexsr")


class AtScale(nn.Module):
    """A network of srlab as a function of RGB images alone: (N, 3, h, w) in [0, 1] to (N, 3, scale * h, scale * w).

    A luma network sees Y, and Cb and Cr are bicubic.

    Args:
        network: the network.
        scale: one of its scales.
    """

    def __init__(self, network: SRNetwork, scale: int) -> None:
        super().__init__()
        self.network, self.scale = network, scale

    def forward(self, image: Tensor) -> Tensor:
        return upscale(self.network, image, self.scale, precision="inherit")


class SrlabArch(Architecture[AtScale]):
    """A network of srlab's, by srlab's own keys, for spandrel.

    Args:
        name: its key in NETWORKS.
        scale: as for `install`.
    """

    def __init__(self, name: str, scale: int, suffix: str = "") -> None:
        title = NETWORKS[name].__name__.removesuffix("Network")
        super().__init__(id=f"{PREFIX}{name}{suffix}", name=f"{title} (srlab)", detect=self._found)
        self._network, self._scale = name, scale

    def _found(self, state: State) -> bool:
        found = self._recognised(state)
        return found is not None and self._traits_fit(found)

    def _traits_fit(self, found: Recognised) -> bool:
        """Networks that must be told of a blur kernel have no place in a program that gives them images alone."""
        with torch.device("meta"):
            return NETWORKS[found.network](**found.arguments).traits.condition_length is None

    def _recognised(self, state: State) -> Recognised | None:
        """What a state dict holds, where it is this network."""
        facts, own = _taken_apart(state)
        if facts is not None and _network_of(facts) != self._network:
            return None
        arguments = NETWORKS[self._network].arguments_of(own)
        return None if arguments is None else Recognised(self._network, arguments, None, own)

    def load(self, state_dict: dict[str, Any]) -> ImageModelDescriptor[AtScale]:
        found = self._recognised(state_dict)
        assert found is not None, "spandrel asks `detect` first"
        facts, _ = _taken_apart(state_dict)
        network = NETWORKS[self._network](**self._arguments(found, facts))
        scales = network.traits.scales
        scale = self._scale if scales is None or self._scale in scales else max(scales)
        return ImageModelDescriptor(
            AtScale(network, scale),
            {f"network.{key}": value for key, value in found.state.items()},
            architecture=self,
            purpose="SR",
            tags=[f"x{scale}"],
            supports_half=False,
            supports_bfloat16=False,
            scale=scale,
            input_channels=3,
            output_channels=3,
        )

    def _arguments(self, found: Recognised, facts: dict[str, Any] | None) -> dict[str, Any]:
        if facts is not None:
            arguments: dict[str, Any] = facts["hyper_parameters"]["network"]
            return arguments
        arguments, assumed = arguments_of_bare(found, self._scale)
        if assumed:
            shown = ", ".join(f"{key}={value}" for key, value in assumed.items())
            warnings.warn(
                f"{self.name}: the weights do not show {shown}, which is assumed. srlab convert FILE OUT.safetensors "
                f"layout=spandrel writes a file that says it.",
                stacklevel=4,
            )
        return arguments


class OtherProjects(SrlabArch):
    """A network of srlab's, by the keys of other projects; for what spandrel itself does not load."""

    def __init__(self, name: str, scale: int) -> None:
        super().__init__(name, scale, OTHERS)

    def _recognised(self, state: State) -> Recognised | None:
        for layout in LAYOUTS:
            if layout.network == self._network:
                own = layout.to_own(state)
                arguments = NETWORKS[self._network].arguments_of(own)
                if arguments is not None:
                    return Recognised(self._network, arguments, layout, own)
        return None


def _taken_apart(state: State) -> tuple[dict[str, Any] | None, dict[str, Tensor]]:
    """What a file says of itself among its tensors, and the network's own state dict: of a checkpoint too."""
    facts = json.loads(bytes(state[FACTS].tolist())) if FACTS in state else None
    own = without_facts(state)
    return facts, evaluated_weights(own) if any(key.startswith(TRAINED) for key in own) else own


def _network_of(facts: dict[str, Any]) -> str:
    method: str = facts[MARK]["method"]
    return NETWORKS_OF_METHODS.get(method, method)
