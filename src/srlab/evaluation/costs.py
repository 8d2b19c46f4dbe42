"""What a method costs: its size, and on this machine the memory and the time that one image takes."""

import statistics
import time
from dataclasses import dataclass

import torch

from srlab.evaluation.complexity import LR_SIDE, activations, multiply_adds, trainable_parameters
from srlab.evaluation.measure import EvaluationSettings
from srlab.inference.devices import processor
from srlab.inference.memory import peak_bytes
from srlab.methods.super_resolver import SuperResolver

RUNS = 5  # of which the median counts
ENOUGH = 6.0  # seconds after which no further run is begun


@dataclass(frozen=True)
class Cost:
    """A method at a scale.

    Attributes:
        method: its label.
        scale: of the super-resolution.
        parameters: trainable ones.
        multiply_adds: of convolutions, for a 1280 x 720 output.
        activations: values that convolutions give, for a 256 x 256 LR image.
        memory: bytes that tensors take at once for such an image, without the weights.
        seconds: the median time of such an image, as measured on `machine`.
        machine: see `machine`.
        weights: the SHA-256 of the file of the weights; "" without one.
    """

    method: str
    scale: int
    parameters: int
    multiply_adds: int
    activations: int
    memory: int
    seconds: float
    machine: str
    weights: str = ""


def machine(settings: EvaluationSettings) -> str:
    """Names what a time is of: the processor or the GPU, the number of threads, and the precision."""
    if settings.device.type == "cpu":
        return settings.timed_on.replace("CPU", processor(), 1)
    return settings.timed_on


def measure_cost(label: str, method: SuperResolver, scale: int, settings: EvaluationSettings, weights: str) -> Cost:
    """Measures a method on an RGB image of 256 x 256 at a scale; memory is computed and not observed.

    Args:
        label: of the method.
        method: is moved to the device.
        scale: one of its scales.
        settings: device and precision.
        weights: the hash of its file.
    """
    return Cost(
        method=label,
        scale=scale,
        parameters=trainable_parameters(method),
        multiply_adds=multiply_adds(method, scale),
        activations=activations(method, scale),
        memory=peak_bytes(method.inference_network, scale, 1, 3, LR_SIDE, LR_SIDE, simulated=True),
        seconds=_median_seconds(method.to(settings.device), scale, settings),
        machine=machine(settings),
        weights=weights,
    )


def _median_seconds(method: SuperResolver, scale: int, settings: EvaluationSettings) -> float:
    """The first run, in which libraries choose their algorithms, does not count."""
    lr = torch.rand(1, 3, LR_SIDE, LR_SIDE, generator=torch.Generator().manual_seed(0)).to(settings.device)
    seconds: list[float] = []
    while len(seconds) <= RUNS and (len(seconds) < 2 or sum(seconds) < ENOUGH):
        start = time.perf_counter()
        method.upscale(lr, scale, precision=settings.precision).cpu()  # which waits for a GPU
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[1:])
