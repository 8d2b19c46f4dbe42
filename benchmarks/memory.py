"""How much memory networks take for one image beyond their weights: the peak of a forward pass.

    python benchmarks/memory.py [MODEL ...] [--side 256] [--scale 2] [--device cpu|cuda] [--precision 32|bf16]

On a GPU that is what PyTorch's allocator counts. On a CPU it is the growth of the process's largest resident size, so
every network runs in a process of its own. Prints a Markdown table.
"""

import argparse
import multiprocessing
import resource

import torch

from srlab.config.compose import compose
from srlab.config.parse import parse
from srlab.config.schema import TrainConfig
from srlab.inference.upscale import upscale
from srlab.methods import find_method

MODELS = ("edsr_baseline", "edsr", "rdn", "dbpn", "rcan", "srfbn", "san", "han", "csnln")
MIB = 2**20


def peak(model: str, side: int, scale: int, device: str, precision: str) -> tuple[int, float]:
    """Returns the network's parameters and its peak in MiB. To be called once in a process where device is cpu."""
    config = parse(compose("train", [f"model={model}", f"scale={scale}"]), TrainConfig)
    network = find_method(config.model.method)(config.model.network).network.to(device).eval()
    small, lr = (torch.rand(1, 3, n, n, device=device) for n in (12, side))
    upscale(network, small, scale, precision=precision)  # libraries allocate at their first use
    if device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        upscale(network, lr, scale, precision=precision)
        taken = torch.cuda.max_memory_allocated() - before
    else:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        upscale(network, lr, scale, precision=precision)
        taken = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    return sum(p.numel() for p in network.parameters()), taken / MIB


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=list(MODELS), help="as model= names them")
    parser.add_argument("--side", type=int, default=256, help="of the LR image, in pixels")
    parser.add_argument("--scale", type=int, default=2)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--precision", default="32", choices=("32", "bf16"))
    given = parser.parse_args()
    print(f"| x{given.scale}, {given.side}x{given.side}, {given.device}, {given.precision} | parameters | peak, MiB |")
    print("|---|---|---|")
    for model in given.models:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            count, mib = pool.apply(peak, (model, given.side, given.scale, given.device, given.precision))
        print(f"| {model} | {count:,} | {mib:,.0f} |", flush=True)


if __name__ == "__main__":
    main()
