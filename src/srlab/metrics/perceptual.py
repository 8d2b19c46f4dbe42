"""Perceptual distances, LPIPS and DISTS, which compare the features that an ImageNet classifier has of both images.

Their own weights come with the packages lpips and torchmetrics, the classifier's from `weights.backbones`, which checks
what it downloads; the packages' own downloads are not used.
"""

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from srlab.errors import SrlabError
from srlab.imaging.files import as_8_bit, to_tensor
from srlab.metrics.dists import DISTS
from srlab.metrics.metric import Compared, Meter, Metric
from srlab.weights.backbones import RANDOM, backbone_state, fingerprint


def lpips_network(net: Literal["alex", "vgg", "squeeze"], backbone: str, source: str | None) -> nn.Module:
    """Returns LPIPS 0.1 (Zhang et al. 2018, arXiv:1801.03924, equation 1): two (N, 3, H, W) in [0, 1] -> (N, 1, 1, 1).

    Args:
        net: the backbone as the lpips package names it.
        backbone: the same as `srlab.weights.backbones` names it.
        source: the backbone's weights, as `backbone_state` takes it.
    """
    from lpips import LPIPS  # noqa: PLC0415 - imports torchvision, which takes seconds

    # The package draws a random backbone, which is replaced below. The global generator must not move by that.
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="torchvision")  # of how the package calls it
        network = LPIPS(net=net, version="0.1", pnet_rand=True, verbose=False)
    theirs = {key: re.sub(r"^slice\d+\.", "features.", key) for key in network.net.state_dict()}
    state = backbone_state(backbone, source, list(theirs.values()))
    network.net.load_state_dict({key: state[name] for key, name in theirs.items()})
    return _InUnitRange(network)


class _InUnitRange(nn.Module):
    """Takes images in [0, 1] to a network that wants [-1, 1], as the lpips package does."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        return self.network(2 * sr - 1, 2 * hr - 1)


def dists_network(source: str | None) -> nn.Module:
    """Returns DISTS: two (N, 3, H, W) in [0, 1] -> (N,). source: VGG16's weights, as `backbone_state` takes it."""
    return DISTS(partial(backbone_state, "vgg16", source))


@dataclass(frozen=True)
class Distance:
    """A perceptual metric; lower is better, and equal images have 0.

    Attributes:
        name: as in `Metric`.
        title: as in `Metric`.
        backbone: its name in `weights.backbones`.
        least: the smallest side of an image that the backbone can take, in pixels.
        package: the one that has the metric's own weights.
        build: returns the metric as a network of two images, for a source of the backbone's weights.
    """

    name: str
    title: str
    backbone: str
    least: int
    package: str
    build: Callable[[str | None], nn.Module]

    def meter(self, source: str | None, device: torch.device) -> Meter:
        """Builds the metric. With random weights its numbers mean nothing, and it has another name.

        Args:
            source: of the backbone's weights, as `backbone_state` takes it.
            device: where to measure.
        """
        random = source == RANDOM
        network = self.build(source).to(device).eval().requires_grad_(False)
        if random:
            weights = "random weights: means nothing"
        else:
            weights = f"{self.backbone}'s weights with the SHA-256 {fingerprint(self.backbone, source)}..."
        metric = Metric(
            f"{self.name}_random" if random else self.name,
            f"{self.title}, random weights" if random else self.title,
            better="lower",
            digits=4,
            about=f"{self.package} {version(self.package)}, {weights}",
        )
        return Meter(metric, partial(self._measure, network, device))

    def _measure(self, network: nn.Module, device: torch.device, pair: Compared) -> float:
        if min(pair.hr.shape[:2]) < self.least:
            size = f"{pair.hr.shape[1]}x{pair.hr.shape[0]}"
            raise SrlabError(
                f"metrics={self.name}: {self.backbone} needs images of at least {self.least}x{self.least} within the "
                f"protocol's border, not {size}. Leave the metric out, or the set."
            )
        with torch.inference_mode():
            return float(network(_rgb(pair.sr).to(device), _rgb(pair.hr).to(device)))


def _rgb(image: np.ndarray) -> Tensor:
    """Rounded to 8 bits, as (1, 3, H, W) in [0, 1]; grey is replicated."""
    return to_tensor(as_8_bit(image)).expand(-1, 3, -1, -1)


_squeeze = partial(lpips_network, "squeeze", "squeezenet1_1")
DISTANCES = {
    distance.name: distance
    for distance in (
        Distance("lpips", "LPIPS", "alexnet", 31, "lpips", partial(lpips_network, "alex", "alexnet")),
        Distance("lpips_vgg", "LPIPS-VGG", "vgg16", 16, "lpips", partial(lpips_network, "vgg", "vgg16")),
        Distance("lpips_squeeze", "LPIPS-Squeeze", "squeezenet1_1", 17, "lpips", _squeeze),
        Distance("dists", "DISTS", "vgg16", 8, "torchmetrics", dists_network),
    )
}
