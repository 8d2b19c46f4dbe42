"""Training patches a second on one core: srlab's store and sampler against decoding a PNG for every patch.

    python benchmarks/loader.py [--seconds 5] [--images 4]

Whole batches of 16 pairs, 96 x 96 HR at x2 with 8 orientations, from 2040 x 1356 images (DIV2K's size), in one process
and one thread. Prints JSON with medians over rounds in which the two alternate, and their ratio.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from srlab.data.patches import PatchDataset
from srlab.data.random_draws import PatchSampler, PatchShape
from srlab.data.synthetic import synthetic_image
from srlab.data.training_set import from_files
from srlab.imaging.resize import imresize

SCALE, PATCH, BATCH, HEIGHT, WIDTH = 2, 48, 16, 1356, 2040


def write_images(folder: Path, count: int) -> list[Path]:
    """PNGs of DIV2K's size, of generated content tiled together."""
    tile = synthetic_image(0, 256)
    files = []
    for index in range(count):
        rolled = np.roll(np.tile(tile, (6, 8, 1))[:HEIGHT, :WIDTH], 37 * index, axis=0)
        for kind, image in (("HR", rolled), ("LR", imresize(np.ascontiguousarray(rolled), 1 / SCALE))):
            (folder / kind).mkdir(exist_ok=True)
            Image.fromarray(image).save(folder / kind / f"{index}.png", compress_level=1)
        files.append(folder / "HR" / f"{index}.png")
    return files


def ours(files: list[Path], cache: Path) -> Callable[[int], object]:
    images = from_files(files)
    hr, lr = images.hr_store(cache), images.lr_store(cache, SCALE)
    sampler = PatchSampler({SCALE: lr.sizes}, PatchShape(PATCH), BATCH, seed=0)
    dataset = PatchDataset(hr, {SCALE: lr}, sampler, range(10**9))
    return dataset.batch


def naive(files: list[Path]) -> Callable[[int], None]:
    """What a first Dataset does: open, crop, flip, stack."""
    random = np.random.default_rng(0)

    def pair() -> tuple[torch.Tensor, torch.Tensor]:
        path = files[random.integers(len(files))]
        top, left = random.integers(HEIGHT // SCALE - PATCH), random.integers(WIDTH // SCALE - PATCH)
        orientation = random.integers(8)
        patches = []
        for folder, factor in (("LR", 1), ("HR", SCALE)):
            image = np.asarray(Image.open(path.parents[1] / folder / path.name))
            y, x, size = top * factor, left * factor, PATCH * factor
            patch = image[y : y + size, x : x + size]
            patch = patch.transpose(1, 0, 2) if orientation & 4 else patch
            patch = patch[::-1] if orientation & 1 else patch
            patch = patch[:, ::-1] if orientation & 2 else patch
            patches.append(torch.from_numpy(np.ascontiguousarray(patch.transpose(2, 0, 1))))
        return patches[0], patches[1]

    def batch(step: int) -> None:
        pairs = [pair() for _ in range(BATCH)]
        torch.stack([lr for lr, _ in pairs]), torch.stack([hr for _, hr in pairs])

    return batch


def patches_a_second(batch: Callable[[int], object], seconds: float) -> float:
    """CPU time, so that another program on this machine does not count."""
    start, steps = time.process_time(), 0
    while time.process_time() - start < seconds:
        batch(steps)
        steps += 1
    return steps * BATCH / (time.process_time() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5, help="of each measurement")
    parser.add_argument("--images", type=int, default=4)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        files = write_images(Path(folder), arguments.images)
        fast, slow = ours(files, Path(folder) / "cache"), naive(files)
        rounds = [
            (patches_a_second(fast, arguments.seconds), patches_a_second(slow, arguments.seconds)) for _ in range(3)
        ]
    result = {
        "benchmark": "96x96 HR x2 patch pairs with 8 orientations from 2040x1356 images, batches of 16, one core",
        "ours_patches_per_second": round(statistics.median(a for a, _ in rounds)),
        "naive_patches_per_second": round(statistics.median(b for _, b in rounds), 1),
        "ratio": round(statistics.median(a / b for a, b in rounds)),
    }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
