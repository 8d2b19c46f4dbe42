"""One image through EDSR-baseline x2: srlab's ways, a plain fp32 eager call, ONNX Runtime and OpenVINO.

    python benchmarks/inference.py [--rounds 7] [--side 256] [--model edsr_baseline_x2] [--threads 2]
    python benchmarks/inference.py --sizes 1 12 100 [--whole-up-to 12] [--model NAME]

All ways alternate within every round, so a machine that changes its speed changes all. Prints JSON with medians, ratios
to the plain call, and how fast each is in per cent of one large convolution, which is measured in every round too. What
is not installed, or what the processor does not have, is left out and said. cpu_seconds is what the process computed:
with --threads 1 it hardly depends on what else the machine does.

--sizes gives time and peak memory against the size of the result in megapixels, by tiles as they are chosen and of the
whole image at once, each in a process of its own; the image is made row by row and the result is thrown away.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from srlab.errors import SrlabError
from srlab.inference.devices import has_fast_bf16, processor
from srlab.inference.engines import engine_forward
from srlab.inference.folding import folded
from srlab.inference.loading import load
from srlab.inference.upscaler import Settings, Upscaler

PLAIN, OURS, CONVOLUTION = "plain_fp32", "ours_default", "convolution"
FEATURES, CONVOLUTION_SIDE = 256, 128  # of the convolution, 3 x 3: 9.7 G multiply-adds
PACKAGES = ("torch", "onnx", "onnxruntime", "openvino", "numpy")


def scale_of(upscaler: Upscaler) -> int:
    scales = upscaler.scales
    return scales[0] if scales else 2


def ways(name: str, lr: Tensor) -> tuple[dict[str, Callable[[], Any]], dict[str, str]]:
    """Returns every way to compute the image, and why others are left out."""
    ours = load(name)
    network, scale = ours.network, scale_of(ours)

    def plain() -> None:
        with torch.no_grad():
            network(lr, scale)

    found: dict[str, Callable[[], Any]] = {PLAIN: plain, OURS: lambda: ours.tensor(lr, scale)}
    left_out = {}
    for way, settings in {"ours_fp32": Settings(precision="32"), "ours_bf16": Settings(precision="bf16")}.items():
        upscaler = Upscaler(network, name, settings)
        found[way] = lambda upscaler=upscaler: upscaler.tensor(lr, scale)
    if not has_fast_bf16("cpu"):
        left_out["ours_bf16"] = "the processor has no instructions for bf16"
        del found["ours_bf16"]
    for engine, precision in (("onnxruntime", "32"), ("openvino", "32"), ("openvino", "bf16")):
        way = f"{engine}_{precision.replace('32', 'fp32')}"
        try:
            forward = engine_forward(folded(network), engine, name, precision)
        except SrlabError as error:
            left_out[way] = str(error)
            continue
        found[way] = lambda forward=forward: forward(lr, scale)
    return found, left_out


def convolution() -> tuple[Callable[[], Any], float]:
    """Returns one large convolution in float32, channels_last, and its multiply-adds in G."""
    layer = torch.nn.Conv2d(FEATURES, FEATURES, 3, padding=1).to(memory_format=torch.channels_last)
    x = torch.rand(1, FEATURES, CONVOLUTION_SIDE, CONVOLUTION_SIDE).to(memory_format=torch.channels_last)

    def run() -> None:
        with torch.inference_mode():
            layer(x)

    return run, FEATURES**2 * 9 * CONVOLUTION_SIDE**2 / 1e9


def multiply_adds(name: str, lr: Tensor) -> float:
    """Returns the multiply-adds of a network for an image, in G."""
    upscaler = load(name)
    with FlopCounterMode(display=False) as counter:
        upscaler.network.to("meta")(lr.to("meta"), scale_of(upscaler))
    return counter.get_total_flops() / 2e9


def seconds(run: Callable[[], Any]) -> tuple[float, float]:
    """Returns the time that passes, and the time that the process computes: more where there are several threads."""
    start, cpu = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - start, time.process_time() - cpu


def median(times: list[dict[str, tuple[float, float]]], way: str, cpu: bool = False) -> float:
    return statistics.median(one[way][cpu] for one in times)


def speed(name: str, side: int, rounds: int) -> dict[str, Any]:
    channels = load(name).network.traits.channels or 3
    lr = torch.rand(1, channels, side, side, generator=torch.Generator().manual_seed(0))
    found, left_out = ways(name, lr)
    found[CONVOLUTION], convolution_work = convolution()
    for run in found.values():
        run()  # chooses tiles and algorithms, and takes memory
    times = [{way: seconds(run) for way, run in found.items()} for _ in range(rounds)]
    medians = {way: median(times, way) for way in found}
    rate, work = convolution_work / medians.pop(CONVOLUTION), multiply_adds(name, lr)
    ratios = {way: statistics.median(one[PLAIN][0] / one[way][0] for one in times) for way in medians}
    return {
        "benchmark": f"{name}, {side}x{side}",
        **machine(),
        "rounds": rounds,
        "gmac": round(work, 2),
        "convolution_gmac_per_second": round(rate, 1),
        "seconds": {way: round(value, 4) for way, value in medians.items()},
        "times_as_fast_as_plain": {way: round(value, 3) for way, value in ratios.items()},
        "cpu_seconds": {way: round(median(times, way, cpu=True), 4) for way in found},
        "percent_of_the_convolution": {way: round(100 * work / value / rate, 1) for way, value in medians.items()},
        "left_out": left_out,
        "ratio": ratios[OURS],
    }


class Rows:
    """An LR image that is made when its rows are asked for."""

    def __init__(self, channels: int, height: int, width: int) -> None:
        self.channels, self.height, self.width = channels, height, width

    def rows(self, top: int, bottom: int) -> Tensor:
        generator = torch.Generator().manual_seed(top)
        return torch.rand(1, self.channels, bottom - top, self.width, generator=generator)


def one_size(name: str, megapixels: float, whole: bool) -> dict[str, Any]:
    """Computes an image whose result has so many megapixels, in this process."""
    upscaler = load(name, settings=Settings(tile=None if whole else "auto"))
    scale = scale_of(upscaler)
    height = max(2, round((megapixels * 1e6 / 1.5) ** 0.5 / scale))
    width = round(height * 1.5)
    before = peak()
    start = time.perf_counter()
    for _ in upscaler.bands(Rows(3, height, width), height * scale, width * scale):
        pass
    return {
        "result": f"{width * scale}x{height * scale}",
        "megapixels": round(width * height * scale**2 / 1e6, 3),
        "tiles": "whole" if whole else "auto",
        "seconds": round(time.perf_counter() - start, 2),
        "peak_gb": round(peak() / 1e9, 3),
        "peak_gb_before": round(before / 1e9, 3),
    }


def peak() -> int:
    """Returns the most memory that this process has had, in bytes."""
    kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kib if sys.platform == "darwin" else kib * 1024


def sizes(arguments: argparse.Namespace) -> dict[str, Any]:
    runs = [(size, False) for size in arguments.sizes] + [
        (size, True) for size in arguments.sizes if size <= arguments.whole_up_to
    ]
    rows = []
    for size, whole in runs:
        words = [sys.executable, __file__, "--one", str(size), "--model", arguments.model, *["--whole"] * whole]
        done = subprocess.run([*words, "--threads", str(arguments.threads)], capture_output=True, text=True)
        rows.append(json.loads(done.stdout) if done.returncode == 0 else {"megapixels": size, "error": done.stderr})
    return {"benchmark": f"{arguments.model}: time and memory against size", **machine(), "sizes": rows}


def machine() -> dict[str, Any]:
    """What the numbers depend on."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "not installed"
    return {
        "processor": processor(),
        "threads": torch.get_num_threads(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "fast_bf16": has_fast_bf16("cpu"),
        "versions": versions,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="of all ways, after one that does not count")
    parser.add_argument("--side", type=int, default=256, help="of the image, in pixels")
    parser.add_argument("--model", default="edsr_baseline_x2", help="what srlab.load takes")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--sizes", type=float, nargs="+", help="of the result, in megapixels")
    parser.add_argument("--whole-up-to", type=float, default=4, help="megapixels that are also computed without tiles")
    parser.add_argument("--one", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--whole", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.one:
        result = one_size(arguments.model, arguments.one, arguments.whole)
    elif arguments.sizes:
        result = sizes(arguments)
    else:
        result = speed(arguments.model, arguments.side, arguments.rounds)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
