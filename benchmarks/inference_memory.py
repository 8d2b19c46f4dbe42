"""Peak memory and time of large images through a network, by the tiles that srlab chooses by itself.

    python benchmarks/inference_memory.py [NETWORK ...] [--width 4000] [--height 3000] [--scale 2] [--tiles N]
    python benchmarks/inference_memory.py [NETWORK ...] --calibrate [--side 256]

NETWORK is what `srlab.load` takes: a network that comes with srlab, an interpolation, or a file. Rows of an LR image
are made as they are asked for, and result rows are dropped as they come, as a file's would be. Every network runs in a
process of its own, whose largest resident size is the peak: PyTorch, weights and all. --tiles stops after so many
tiles, in which the peak is reached, and the time of the whole image is extrapolated from them by pixels.

--calibrate compares what tensors take at once, by `srlab.inference.memory.peak_bytes`, with the growth of the resident
size while the network computes one image: the factor LIBRARIES of that module. Both print a Markdown table.
"""

import argparse
import multiprocessing
import resource
import time

import torch
from torch import Tensor

from srlab.inference.loading import load
from srlab.inference.memory import peak_bytes
from srlab.inference.upscaler import Settings

MIB, GIB = 2**20, 2**30


class Noise:
    """An LR image of noise that is never in memory as a whole."""

    channels = 3

    def __init__(self, height: int, width: int) -> None:
        self.height, self.width = height, width

    def rows(self, top: int, bottom: int) -> Tensor:
        return torch.rand(1, 3, bottom - top, self.width)


def largest_resident() -> int:
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def streamed(network: str, height: int, width: int, scale: int, tiles: int | None) -> str:
    """Returns the table's row of a network. To be called once in a process."""
    upscaler, source = load(network, scale, Settings(device="cpu")), Noise(height, width)
    done: list[float] = []
    started = time.perf_counter()

    def on_progress(share: float) -> None:
        done.append(share)
        if tiles is not None and len(done) >= tiles:
            raise StopIteration

    try:
        for _ in upscaler.bands(source, height * scale, width * scale, on_progress):
            pass
    except RuntimeError as error:  # what a StopIteration becomes within a generator
        if not isinstance(error.__cause__, StopIteration):
            raise
    seconds = time.perf_counter() - started
    grid = upscaler.tiles_of(1, 3, height, width, scale)
    cells = [
        network,
        f"{width * scale * height * scale / 1e6:.0f}",
        f"{len(grid.columns)} x {len(grid.rows)} of {grid.side}",
        f"{done[-1]:.0%}",
        f"{largest_resident() / GIB:.2f}",
        f"{seconds:.1f}",
        f"{seconds / done[-1]:.0f}",
    ]
    return f"| {' | '.join(cells)} |"


def calibrated(network: str, side: int, scale: int) -> str:
    """Returns the table's row of a network. To be called once in a process."""
    upscaler = load(network, scale, Settings(device="cpu", tile=None))
    upscaler.tensor(torch.rand(1, 3, 16, 16), scale)  # libraries allocate at their first use
    expected = peak_bytes(upscaler.network, scale, 1, 3, side, side, simulated=True)
    lr, before = torch.rand(1, 3, side, side), largest_resident()
    upscaler.tensor(lr, scale)
    taken = largest_resident() - before
    return f"| {network} | {side} | {expected / MIB:.0f} | {taken / MIB:.0f} | {taken / expected:.2f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", default=["bicubic", "srcnn_x2", "edsr_baseline_x2"])
    parser.add_argument("--width", type=int, default=4000, help="of the LR image, in pixels")
    parser.add_argument("--height", type=int, default=3000, help="of the LR image, in pixels")
    parser.add_argument("--scale", type=int, default=2)
    parser.add_argument("--tiles", type=int, help="how many to compute; all of them where it is not given")
    parser.add_argument("--calibrate", action="store_true", help="compare the model of memory with the process's")
    parser.add_argument("--side", type=int, default=256, help="of the LR image of --calibrate, in pixels")
    given = parser.parse_args()
    if given.calibrate:
        print(f"| x{given.scale} | side | tensors, MiB | process, MiB | ratio |\n|---|---|---|---|---|")
    else:
        print("| network | output, MP | tiles, LR | computed | peak, GiB | seconds | seconds for all |")
        print("|---|---|---|---|---|---|---|")
    for network in given.networks:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            if given.calibrate:
                row = pool.apply(calibrated, (network, given.side, given.scale))
            else:
                row = pool.apply(streamed, (network, given.height, given.width, given.scale, given.tiles))
        print(row, flush=True)


if __name__ == "__main__":
    main()
