"""A network that is ready for use: from an image of any size to a larger one, in bands of rows where it is large."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor

from srlab.errors import SrlabError
from srlab.inference.devices import choose_device, has_fast_bf16
from srlab.inference.folding import folded
from srlab.inference.output_size import passes
from srlab.inference.streaming import READ, TiledNetwork, Window, resized
from srlab.inference.tile_check import warn_where_tiles_differ
from srlab.inference.tile_plan import Tiles, fitting, of_side
from srlab.inference.upscale import Forward, Precision, upscale
from srlab.networks.layers import use_channels_last
from srlab.networks.network import SRNetwork

OnProgress = Callable[[float], None]  # called with the share of the work that is done, in (0, 1]


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
        memory: bytes that tiles may take at most, where tile=auto chooses them; None: a share of what is free.
    """

    tile: int | Literal["auto"] | None = "auto"
    ensemble: bool = False
    precision: Literal["auto", "32", "bf16", "16"] = "auto"
    fold: bool = True
    device: str = "auto"
    engine: Literal["torch", "onnxruntime", "openvino"] = "torch"
    memory: int | None = None


class Source(Protocol):
    """An LR image of which any rows can be read."""

    height: int
    width: int
    channels: int  # 1 or 3

    def rows(self, top: int, bottom: int) -> Tensor:
        """Returns the rows from `top` up to `bottom`, (1, channels, bottom - top, width), float32 in [0, 1].

        `Upscaler.bands` asks for every row once, from top to bottom.
        """
        ...


class Upscaler:
    """A network and how it is run.

    Args:
        network: any network with traits. It is not changed.
        label: what it is called in messages.
        settings: how it is run.

    Raises:
        SrlabError: the device is not there, a setting is none of those that there are, or the engine cannot compute
            the network.
    """

    def __init__(self, network: SRNetwork, label: str, settings: Settings | None = None) -> None:
        self.network, self.label, self.settings = network, label, settings or Settings()
        _check(self.settings)
        on_cpu = self.settings.engine != "torch" and self.settings.device == "auto"
        self.device = choose_device("cpu" if on_cpu else self.settings.device)
        self._runs = self._prepared()
        self._engine = self._other_engine(self._runs)
        self._tiles: dict[tuple[int, ...], Tiles] = {}

    def _prepared(self) -> SRNetwork:
        """A copy of the network as it is computed: folded, on its device, in the layout that convolutions like."""
        copied = (folded(self.network) if self.settings.fold else copy.deepcopy(self.network)).to(self.device)
        use_channels_last(copied)
        return copied

    def _other_engine(self, network: SRNetwork) -> Forward | None:
        """Returns what computes in the network's place; None: PyTorch.

        Args:
            network: as it is to be computed, folded where that was asked for.
        """
        if self.settings.engine == "torch":
            return None
        from srlab.inference.engines import engine_forward  # noqa: PLC0415 - packages of an extra

        return engine_forward(network, self.settings.engine, self.label, self.settings.precision)

    @property
    def scales(self) -> tuple[int, ...] | None:
        """The scales that the network was trained for; None: any integer."""
        return self.network.traits.scales

    @property
    def precision(self) -> Precision:
        """Of the network's arithmetic, as it was chosen: 32, bf16 or 16."""
        if self.settings.precision == "auto":
            return "bf16" if self.network.traits.bf16 and has_fast_bf16(self.device.type) else "32"
        return self.settings.precision

    def tensor(self, lr: Tensor, scale: int) -> Tensor:
        """Super-resolves a batch.

        Args:
            lr: (N, 1 or 3, h, w), float, in [0, 1], on any device.
            scale: one of the network's scales.

        Returns:
            (N, the same channels, scale * h, scale * w), float32 in [0, 1], not rounded, on the device of `lr`.

        Raises:
            SrlabError: see `srlab.inference.upscale.upscale`; or the memory does not suffice for the smallest tiles.
        """
        samples, channels, height, width = lr.shape
        result = torch.empty(samples, channels, height * scale, width * scale, device=lr.device)
        top = 0
        for band in self._enlarged(iter([lr.float()]), samples, channels, height, width, scale, lambda pixels: None):
            result[:, :, top : top + band.shape[2]] = band
            top += band.shape[2]
        return result

    def tiles_of(self, samples: int, channels: int, height: int, width: int, scale: int) -> Tiles:
        """Returns where LR images of a size are cut. What was chosen for a size once holds for all of that size.

        Args:
            samples: images in a batch.
            channels: of an image.
            height: of an image, in pixels.
            width: see `height`.
            scale: one of the network's scales.
        """
        if self.settings.tile != "auto":
            return of_side(height, width, self.settings.tile, self.network)
        key = (samples, channels, height, width, scale)
        if key not in self._tiles:
            self._tiles[key] = fitting(
                self._runs, scale, samples, channels, height, width, self.device, self.settings.memory
            )
        return self._tiles[key]

    def bands(self, source: Source, height: int, width: int, on_progress: OnProgress | None = None) -> Iterator[Tensor]:
        """Super-resolves an image to any size, in bands from top to bottom: memory does not grow with its height.

        The network enlarges by its smallest scale that reaches the size, or several times where none does, and
        MATLAB's antialiased bicubic shrinks the result to it. The bands together equal the whole image.

        Args:
            source: the LR image.
            height: of the result, in pixels.
            width: see `height`.
            on_progress: called after every tile with the share of the work that is done, in (0, 1].

        Yields:
            (1, channels, rows, width), float32 in [0, 1], not rounded; together `height` rows.

        Raises:
            SrlabError: see `tensor`.
        """
        at = (source.height, source.width)
        scales = passes(self.scales, *at, height, width)
        work = _Progress(on_progress)
        stream: Iterator[Tensor] = (
            source.rows(top, min(top + READ, source.height)) for top in range(0, source.height, READ)
        )
        for scale in scales:
            work.total += at[0] * at[1]
            stream = self._enlarged(stream, 1, source.channels, *at, scale, work.add)
            at = (at[0] * scale, at[1] * scale)
        if at != (height, width):
            stream = (band.clamp_(0, 1) for band in resized(Window(stream), at, (height, width)))
        yield from stream

    def _enlarged(
        self, stream: Iterator[Tensor], samples: int, channels: int, height: int, width: int, scale: int,
        on_tile: Callable[[int], None],
    ) -> Iterator[Tensor]:  # fmt: skip
        """Bands of an LR image -> bands of the image that the network makes of it at one of its scales."""
        tiles = self.tiles_of(samples, channels, height, width, scale)
        over_tiles = TiledNetwork(
            lambda lr: self._whole(lr, scale), scale, self.label, multiple=self.network.traits.size_multiple
        )
        blind = self.network.traits.receptive_field is None and len(tiles.rows) * len(tiles.columns) > 1

        def check(enlarge, lr, piece, rows, columns):  # type: ignore[no-untyped-def]
            warn_where_tiles_differ(enlarge, lr, piece, scale, tiles.side, rows, columns, tiles.overlap, self.label)

        return over_tiles.bands(Window(stream), height, tiles, on_tile, check if blind else None)

    def _whole(self, lr: Tensor, scale: int) -> Tensor:
        return upscale(
            self._runs,
            lr.to(self.device),
            scale,
            ensemble=self.settings.ensemble,
            precision=self.precision,
            label=self.label,
            engine=self._engine,
        )


class _Progress:
    """Adds up the pixels that have been through the network, and tells what share of all they are."""

    def __init__(self, report: OnProgress | None) -> None:
        self.report, self.total, self.done = report, 0, 0

    def add(self, pixels: int) -> None:
        self.done += pixels
        if self.report is not None:
            self.report(self.done / self.total)


def _check(settings: Settings) -> None:
    """Raises SrlabError for a setting that is none of those that there are."""
    tile = settings.tile
    if not (tile is None or tile == "auto" or (type(tile) is int and tile >= 1)):
        raise SrlabError(f"tile={tile}: expected auto, null, or a number of LR pixels of at least 1.")
    known = {"precision": ("auto", "32", "bf16", "16"), "engine": ("torch", "onnxruntime", "openvino")}
    for name, values in known.items():
        if getattr(settings, name) not in values:
            raise SrlabError(f"{name}={getattr(settings, name)}: expected {', '.join(values)}.")
