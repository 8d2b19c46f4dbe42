"""Measures methods on sets at scales under one protocol: the rows of every table."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from srlab.data.batch import Pair
from srlab.data.image_sets import ImageSet
from srlab.distributed import merge_over_ranks, rank_and_world
from srlab.evaluation.complexity import multiply_adds, trainable_parameters
from srlab.evaluation.progress import ShowProgress, no_progress
from srlab.evaluation.published import published
from srlab.imaging.files import to_array, write_png
from srlab.inference.upscale import Precision, describe_input
from srlab.methods.super_resolver import SuperResolver
from srlab.metrics.metric import DEFAULT, Meter, Metric, Quality
from srlab.metrics.protocol import Protocol


@dataclass(frozen=True)
class EvaluationSettings:
    """How to measure.

    Attributes:
        protocol: colours, border and rounding.
        device: where networks and perceptual metrics run.
        tile: as `upscale` takes it; so are ensemble and precision.
        ensemble: see `tile`; "+" in tables.
        precision: see `tile`.
        save_images: a folder for every result as SET_xSCALE/IMAGE_LABEL.png; None saves nothing.
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

    def name(self, label: str, method: SuperResolver) -> str:
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
        seconds: mean time of one image through `upscale`, as measured on `timed_on`.
        parameters: trainable ones.
        multiply_adds: of convolutions, for a 1280 x 720 output.
        input: what the method saw where that is not the image itself.
        published: {"psnr", "ssim"} in print, or None.
        images: the values of every image, by its name.
        metrics: what was measured, in the order of columns.
        timed_on: device, threads and precision.
    """

    method: str
    scale: int
    set: str
    protocol: str
    seconds: float
    parameters: int
    multiply_adds: int
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
        """The mean over images of every metric."""
        names = [metric.name for metric in self.metrics]
        return Quality({name: sum(q[name] for q in self.images.values()) / self.n for name in names})

    @property
    def psnr(self) -> float:
        return self.means.psnr

    @property
    def ssim(self) -> float:
        return self.means.ssim


def evaluate(
    methods: list[tuple[str, SuperResolver]], sets: list[ImageSet], scales: list[int], settings: EvaluationSettings
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


def that_have(scale: int, methods: list[tuple[str, SuperResolver]]) -> list[tuple[str, SuperResolver]]:
    """Returns those of (label, method) that can do a scale."""
    return [item for item in methods if item[1].traits.scales is None or scale in item[1].traits.scales]


def super_resolved(method: SuperResolver, pair: Pair, settings: EvaluationSettings) -> np.ndarray:
    """Returns what is measured of a method: (H, W) or (H, W, 3) uint8, of the pair's low-resolution image."""
    condition = None if pair.condition is None else pair.condition.to(settings.device)
    sr = method.upscale(
        pair.lr.to(settings.device),
        pair.scale,
        condition=condition,
        tile=settings.tile,
        ensemble=settings.ensemble,
        precision=settings.precision,
    )
    return to_array(sr)


def _row(label: str, method: SuperResolver, image_set: ImageSet, scale: int, settings: EvaluationSettings) -> ResultRow:
    rank, world = rank_and_world()
    method.to(settings.device)
    name, total = settings.name(label, method), len(image_set.pictures)
    measured: dict[str, tuple[int, Quality, float, str]] = {}
    for index in range(rank, total, world):
        pair = image_set.pair(index, scale, settings.protocol)
        start = time.perf_counter()
        sr = super_resolved(method, pair, settings)
        seconds = time.perf_counter() - start
        quality = settings.protocol.measure(sr, pair.hr, scale, settings.meters)
        measured[pair.name] = (index, quality, seconds, describe_input(method.traits, pair.lr.shape[1]))
        if settings.save_images is not None:
            write_png(settings.save_images / f"{image_set.name}_x{scale}" / f"{pair.name}_{label}.png", sr)
        settings.progress(f"{image_set.name} x{scale}", index + 1, total, name)
    ordered = sorted(merge_over_ranks(measured).items(), key=lambda item: item[1][0])
    parameters = trainable_parameters(method)
    return ResultRow(
        method=name,
        scale=scale,
        set=image_set.name,
        protocol=settings.protocol.name,
        seconds=sum(item[2] for _, item in ordered) / len(ordered),
        parameters=parameters,
        multiply_adds=multiply_adds(method, scale),
        input="; ".join(sorted({item[3] for _, item in ordered} - {""})),
        published=published(name, parameters, settings.protocol.name, image_set.name, scale),
        images={image: item[1] for image, item in ordered},
        metrics=tuple(meter.metric for meter in settings.meters),
        timed_on=settings.timed_on,
    )
