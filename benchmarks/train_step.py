"""One EDSR-baseline x2 training step (batch 16, 48 x 48 LR): srlab's against a plain fp32 eager loop.

    python benchmarks/train_step.py [--steps 20] [--batch 16] [--patch 48] [--device cpu|cuda] [OPTION ...]

An OPTION of train.py changes what srlab trains, as model.network.features=32 does; the plain loop stays EDSR-baseline.
The two alternate, so a machine that changes its speed changes both. Prints JSON with medians and their ratio.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence

import torch
from torch import nn
from torch.nn import functional as F

from srlab.config.compose import compose
from srlab.config.parse import parse
from srlab.config.schema import TrainConfig
from srlab.data.batch import Batch
from srlab.inference.devices import has_fast_bf16
from srlab.methods import find_method
from srlab.methods.recipe import recipe_of_model


def srlab_step(device: torch.device, lr: torch.Tensor, hr: torch.Tensor, words: Sequence[str]) -> Callable[[], None]:
    """What a run does between two batches: uint8 to float, forward, backward, update, as train.py sets it up."""
    config = parse(compose("train", ["model=edsr_baseline", "scale=2", *words]), TrainConfig)
    method = find_method(config.model.method)(config.model.network, recipe_of_model(config)).to(device)
    method.prepare_training()  # the loss, as train.py builds it
    method.to(memory_format=torch.channels_last)
    method.log = lambda *args, **kwargs: None  # there is no trainer here
    optimizer = method.configure_optimizers()["optimizer"]
    bf16 = has_fast_bf16(device.type)

    def step() -> None:
        batch = Batch(*(x.to(device).to(torch.float32, memory_format=torch.channels_last) / 255 for x in (lr, hr)), 2)
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            loss = method.training_step(batch, 0)
        loss.backward()
        optimizer.step()

    return step


class NaiveEDSR(nn.Module):
    """The network as one would write it from the paper's figure."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Conv2d(3, 64, 3, padding=1)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Conv2d(64, 64, 3, padding=1), nn.ReLU(), nn.Conv2d(64, 64, 3, padding=1))
            for _ in range(16)
        )
        self.end = nn.Conv2d(64, 64, 3, padding=1)
        self.up = nn.Conv2d(64, 256, 3, padding=1)
        self.tail = nn.Conv2d(64, 3, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        head = self.head(x)
        y = head
        for block in self.blocks:
            y = y + block(y)
        return self.tail(F.pixel_shuffle(self.up(head + self.end(y)), 2))


def naive_step(device: torch.device, lr: torch.Tensor, hr: torch.Tensor) -> Callable[[], None]:
    """fp32, PyTorch's defaults."""
    network = NaiveEDSR().to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4)

    def step() -> None:
        optimizer.zero_grad()
        loss = F.l1_loss(network(lr.to(device).float() / 255), hr.to(device).float() / 255)
        loss.backward()
        optimizer.step()

    return step


def seconds(step: Callable[[], None], device: torch.device) -> float:
    start = time.perf_counter()
    step()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=20, help="of each, after three that do not count")
    parser.add_argument("--batch", type=int, default=16, help="patches in a step")
    parser.add_argument("--patch", type=int, default=48, help="side of the LR patches, in pixels")
    parser.add_argument("words", nargs="*", metavar="OPTION", help="of train.py")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    count, side = arguments.batch, arguments.patch
    lr = torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8)
    hr = torch.randint(0, 256, (count, 3, 2 * side, 2 * side), dtype=torch.uint8)
    ours, naive = srlab_step(device, lr, hr, arguments.words), naive_step(device, lr, hr)
    for _ in range(3):
        seconds(ours, device), seconds(naive, device)
    pairs = [(seconds(ours, device), seconds(naive, device)) for _ in range(arguments.steps)]
    result = {
        "benchmark": f"EDSR-baseline x2 training step, batch {count}, {side}x{side} LR",
        "options": arguments.words,
        "device": torch.cuda.get_device_name() if device.type == "cuda" else f"cpu, {torch.get_num_threads()} threads",
        "precision": "bf16" if has_fast_bf16(device.type) else "fp32",
        "ours_seconds": statistics.median(ours for ours, _ in pairs),
        "naive_seconds": statistics.median(naive for _, naive in pairs),
        "ratio": statistics.median(naive / ours for ours, naive in pairs),
    }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
