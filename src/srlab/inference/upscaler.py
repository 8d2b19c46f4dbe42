"""A network that is ready for use: from an image of any size to a larger one, in bands of rows where it is large."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor

from srlab.imaging.resize import imresize_to
from srlab.inference.upscale import upscale
from srlab.networks.network import SRNetwork


@dataclass(frozen=True)
class Settings:
    """How a network is run. The defaults are the fast ones, and none of them changes an image visibly.

    Attributes:
        tile: side of the tiles in LR pixels; "auto": as large as the free memory allows; None: whole images.
        ensemble: averages over the 8 flips and rotations (EDSR, section 3.4).
        precision: of the network's arithmetic: 32, bf16, 16, or auto: bf16 where the hardware is fast at it.
        fold: whether constants are folded into convolutions first.
        device: cpu, cuda, mps, or auto.
        engine: what computes: torch, onnxruntime or openvino.
    """

    tile: int | Literal["auto"] | None = "auto"
    ensemble: bool = False
    precision: Literal["auto", "32", "bf16", "16"] = "auto"
    fold: bool = True
    device: str = "auto"
    engine: Literal["torch", "onnxruntime", "openvino"] = "torch"


class Source(Protocol):
    """An LR image of which any rows can be read."""

    height: int
    width: int
    channels: int  # 1 or 3

    def rows(self, top: int, bottom: int) -> Tensor:
        """Returns the rows from `top` up to `bottom`, (1, channels, bottom - top, width), float32 in [0, 1]."""
        ...


class Upscaler:
    """A network and how it is run.

    Args:
        network: any network with traits. It is not changed.
        label: what it is called in messages.
        settings: how it is run.
    """

    def __init__(self, network: SRNetwork, label: str, settings: Settings | None = None) -> None:
        self.network, self.label, self.settings = network, label, settings or Settings()

    @property
    def scales(self) -> tuple[int, ...] | None:
        """The scales that the network was trained for; None: any integer."""
        return self.network.traits.scales

    def tensor(self, lr: Tensor, scale: int) -> Tensor:
        """Super-resolves a batch (N, 1 or 3, h, w) in [0, 1], as `srlab.inference.upscale.upscale` does."""
        return upscale(self.network, lr, scale, label=self.label, ensemble=self.settings.ensemble)

    def bands(self, source: Source, height: int, width: int) -> Iterator[Tensor]:
        """Super-resolves an image to any size, in bands from top to bottom: memory does not grow with its height.

        The network enlarges by its smallest scale that reaches the size, and MATLAB's antialiased bicubic shrinks the
        result to it.

        Args:
            source: the LR image.
            height: of the result, in pixels.
            width: see `height`.

        Yields:
            (1, channels, rows, width), float32 in [0, 1], not rounded; together `height` rows.
        """
        needed = max(height / source.height, width / source.width)
        scale = min((s for s in self.scales or (max(1, -(-height // source.height)),) if s >= needed - 1e-9))
        with torch.inference_mode():
            sr = self.tensor(source.rows(0, source.height), scale)
            yield sr if sr.shape[-2:] == (height, width) else imresize_to(sr, height, width).clamp(0, 1)
