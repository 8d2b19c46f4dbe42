"""Measures methods on sets at scales under one protocol: the rows of every table."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from srlab import finite
from srlab.data.batch import Pair
from srlab.data.image_sets import ImageSet
from srlab.distributed import merge_over_ranks, rank_and_world
from srlab.evaluation.complexity import multiply_adds, trainable_parameters
from srlab.evaluation.progress import ShowProgress, no_progress
from srlab.evaluation.published import published
from srlab.evaluation.saved_images import SavedImages
from srlab.imaging.files import as_8_bit, write_png
from srlab.inference.upscale import Precision, describe_input
from srlab.labels import file_name
from srlab.methods.spandrel import Spandrel
from srlab.methods.super_resolver import SuperResolver
from srlab.metrics.metric import DEFAULT, Meter, Metric, Quality
from srlab.metrics.protocol import Protocol

Method = SuperResolver | SavedImages


@dataclass(frozen=True)
class EvaluationSettings:
    """How to measure.

    Attributes:
        protocol: colours, border and rounding.
        device: where networks and perceptual metrics run.
        tile: as `upscale` takes it; so are ensemble and precision.
        ensemble: see `tile`; "+" in tables.
        precision: see `tile`.
        save_images: a folder for every result, see `saved_image`; None saves nothing.
        meters: what to measure, in the order of a table's columns.
        progress: is told of every image that is done.
    """

    protocol: Protocol
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    tile: int | None = None
    ensemble: bool = False
    precision: Precision = "32"
    save_images: Path | None = None
    meters: tuple[Meter, ...] = DEFAULT
    progress: ShowProgress = no_progress

    def name(self, label: str, method: Method) -> str:
        """Returns what a method is called in tables: with "+" for the self-ensemble, where that changes anything."""
        return f"{label}+" if self.ensemble and not method.traits.equivariant else label

    @property
    def timed_on(self) -> str:
        """What the seconds of an image depend on: the device, its threads, precision and tiles."""
        threads = torch.get_num_threads()
        names = {
            "cpu": f"CPU, {threads} thread{'s' * (threads > 1)}",
            "cuda": torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else "",
        }
        parts = [names.get(self.device.type, self.device.type), f"precision {self.precision}"]
        return ", ".join(parts + ([] if self.tile is None else [f"tiles of {self.tile}"]))


@dataclass(frozen=True)
class ResultRow:
    """One method on one set at one scale.

    Attributes:
        method: its label, with "+" for the self-ensemble.
        seconds: mean time of one image through `upscale`, as measured on `timed_on`; None for saved images, of which
            nothing is known but what they show.
        parameters: trainable ones; None likewise.
        multiply_adds: of convolutions, for a 1280 x 720 output; None likewise.
        input: what the method saw where that is not the image itself; of saved images, where they are from.
        published: {"psnr", "ssim"} in print, or None.
        images: the values of every image, by its name.
        metrics: what was measured, in the order of columns.
        timed_on: device, threads and precision; empty where nothing was timed.
    """

    method: str
    scale: int
    set: str
    protocol: str
    seconds: float | None
    parameters: int | None
    multiply_adds: int | None
    input: str
    published: dict[str, float] | None
    images: dict[str, Quality]
    metrics: tuple[Metric, ...]
    timed_on: str

    @property
    def n(self) -> int:
        return len(self.images)

    @property
    def means(self) -> Quality:
        """The mean over images of every metric, by the rule of `srlab.finite`."""
        return Quality({metric.name: finite.mean(self._values(metric)) for metric in self.metrics})

    @property
    def left_out(self) -> dict[str, int]:
        """By metric, how many images are infinite, where any are."""
        counts = {metric.name: finite.infinite(self._values(metric)) for metric in self.metrics}
        return {name: count for name, count in counts.items() if count}

    @property
    def remarks(self) -> dict[str, str]:
        """By metric, what is to stand beside a mean of values that are not all finite; '' where they are."""
        return {metric.name: finite.note(metric.title, self._values(metric)) for metric in self.metrics}

    def _values(self, metric: Metric) -> list[float]:
        return [quality[metric.name] for quality in self.images.values()]

    @property
    def psnr(self) -> float:
        return self.means.psnr

    @property
    def ssim(self) -> float:
        return self.means.ssim


def evaluate(
    methods: Sequence[tuple[str, Method]], sets: list[ImageSet], scales: list[int], settings: EvaluationSettings
) -> Iterator[ResultRow]:
    """Yields rows by set, then scale, then method: the order in which papers print them.

    In a process group every rank measures its share of the images, and all ranks yield the same rows.

    Args:
        methods: (label, method). Methods that cannot do a scale are left out of its rows.
        sets: the images.
        scales: in the order of rows.
        settings: how to measure.
    """
    for image_set in sets:
        for scale in scales:
            for label, method in that_have(scale, methods):
                yield _row(label, method, image_set, scale, settings)


def saved_image(folder: Path, image_set: str, scale: int, image: str, method: str) -> Path:
    """Returns where a result is saved: FOLDER/SET_xSCALE/IMAGE_METHOD.png; of names, only what a file's can hold.

    The name of an image may have folders in it, since it is a path below the set's own folder.
    """
    return folder / f"{file_name(image_set)}_x{scale}" / f"{image}_{file_name(method)}.png"


def that_have(scale: int, methods: Sequence[tuple[str, Method]]) -> list[tuple[str, Method]]:
    """Returns those of (label, method) that can do a scale."""
    return [item for item in methods if item[1].traits.scales is None or scale in item[1].traits.scales]


def super_resolved(
    method: Method, image_set: ImageSet, index: int, pair: Pair, settings: EvaluationSettings
) -> np.ndarray:
    """Returns what is measured of a method.

    Args:
        method: a network, which is moved to the device, or saved images.
        image_set: the set.
        index: of the image.
        pair: the image as the protocol has it.
        settings: how to run the method.

    Returns:
        As `Protocol.result` gives it.
    """
    if isinstance(method, SavedImages):
        return method.result(image_set, index, pair.scale, settings.protocol)
    condition = None if pair.condition is None else pair.condition.to(settings.device)
    sr = method.to(settings.device).upscale(
        pair.lr.to(settings.device),
        pair.scale,
        condition=condition,
        tile=settings.tile,
        ensemble=settings.ensemble,
        precision=settings.precision,
    )
    return settings.protocol.result(sr)


def _row(label: str, method: Method, image_set: ImageSet, scale: int, settings: EvaluationSettings) -> ResultRow:
    rank, world = rank_and_world()
    name, total = settings.name(label, method), len(image_set.pictures)
    if isinstance(method, SuperResolver):
        method.to(settings.device)
    measured: dict[str, tuple[int, Quality, float, str]] = {}
    for index in range(rank, total, world):
        pair = image_set.pair(index, scale, settings.protocol)
        start = time.perf_counter()
        sr = super_resolved(method, image_set, index, pair, settings)
        seconds = time.perf_counter() - start
        quality = settings.protocol.measure(sr, pair.hr, scale, settings.meters)
        measured[pair.name] = (index, quality, seconds, _input(method, pair))
        if settings.save_images is not None:
            write_png(saved_image(settings.save_images, image_set.name, scale, pair.name, name), as_8_bit(sr))
        settings.progress(f"{image_set.name} x{scale}", index + 1, total, name)
    ordered = sorted(merge_over_ranks(measured).items(), key=lambda item: item[1][0])
    network = method if isinstance(method, SuperResolver) else None
    parameters = None if network is None else trainable_parameters(network)
    return ResultRow(
        method=name,
        scale=scale,
        set=image_set.name,
        protocol=settings.protocol.name,
        seconds=None if network is None else sum(item[2] for _, item in ordered) / len(ordered),
        parameters=parameters,
        multiply_adds=None if network is None else _operations(network, scale),
        input="; ".join(sorted({item[3] for _, item in ordered} - {""})),
        published=published(name, parameters, settings.protocol.name, image_set.name, scale),
        images={image: item[1] for image, item in ordered},
        metrics=tuple(meter.metric for meter in settings.meters),
        timed_on="" if network is None else settings.timed_on,
    )


def _operations(network: SuperResolver, scale: int) -> int | None:
    try:
        return multiply_adds(network, scale)
    except (RuntimeError, NotImplementedError):
        if isinstance(network, Spandrel):  # some keep tensors that do not move to the meta device
            return None
        raise


def _input(method: Method, pair: Pair) -> str:
    """Says what a method saw where that is not the image itself, or where saved images are from."""
    if isinstance(method, SavedImages):
        return f"images of {method.origin}"
    return describe_input(method.traits, pair.lr.shape[1])
