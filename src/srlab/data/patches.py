"""Training patches as a pure function of (seed, step): a resumed run, or one on more processes, sees the same ones."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import IterableDataset, get_worker_info

from srlab.data.batch import Batch
from srlab.data.store import Store


@dataclass(frozen=True)
class Draw:
    """What one step trains on, for the whole global batch: arrays of its size. top, left: of the LR patch."""

    scale: int
    image: np.ndarray
    top: np.ndarray
    left: np.ndarray
    orientation: np.ndarray


@dataclass(frozen=True)
class PatchSampler:
    """Draws images uniformly, positions uniformly within them, and the step's scale uniformly among `scales`.

    lr_sizes: scale -> (images, 2), heights and widths of the LR images, none below patch_size (LR pixels).
    batch_size: of all processes together. augment: one of the 8 orientations for each patch.
    """

    lr_sizes: dict[int, np.ndarray]
    patch_size: int
    batch_size: int
    seed: int
    augment: bool = True

    def draw(self, step: int) -> Draw:
        """The same on every process and in every run of this seed: Philox is keyed by (seed, step), without state."""
        random = np.random.Generator(np.random.Philox(key=[self.seed, step]))
        scales = sorted(self.lr_sizes)
        scale = scales[int(random.integers(len(scales)))]
        sizes = self.lr_sizes[scale]
        image = random.integers(len(sizes), size=self.batch_size)
        top, left = random.integers(sizes[image].T - self.patch_size + 1)
        orientation = random.integers(8 if self.augment else 1, size=self.batch_size)
        return Draw(scale, image, top, left, orientation)


def orient(patch: np.ndarray, orientation: int) -> np.ndarray:
    """One of the 8 symmetries of the square as a view. Bit 4 transposes, then bit 1 flips rows and bit 2 columns."""
    if orientation & 4:
        patch = patch.swapaxes(-1, -2)
    if orientation & 1:
        patch = patch[..., ::-1, :]
    return patch[..., ::-1] if orientation & 2 else patch


def cut(images: Sequence[np.ndarray], draw: Draw, share: slice, size: int, factor: int) -> torch.Tensor:
    """The share of a draw's patches from (3, H, W) images: uint8 (N, 3, size, size), positions times factor."""
    chosen = range(*share.indices(len(draw.image)))
    patches = np.empty((len(chosen), 3, size, size), dtype=np.uint8)
    columns = (
        draw.image.tolist(),
        (draw.top * factor).tolist(),
        (draw.left * factor).tolist(),
        draw.orientation.tolist(),
    )
    image, top, left, orientation = columns
    for row, i in enumerate(chosen):
        y, x = top[i], left[i]
        patches[row] = orient(images[image[i]][:, y : y + size, x : x + size], orientation[i])
    return torch.from_numpy(patches)


class PatchDataset(IterableDataset[Batch]):
    """Whole batches, from step `start` up to `stop`; rank r of n gets the r-th n-th of every global batch."""

    def __init__(
        self,
        hr: Store,
        lr: dict[int, Store],
        sampler: PatchSampler,
        steps: range,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        super().__init__()
        share = sampler.batch_size // world
        self.hr, self.lr, self.sampler, self.steps = hr, lr, sampler, steps
        self.share = slice(rank * share, (rank + 1) * share)

    def batch(self, step: int) -> Batch:
        """uint8 patches of one step, this rank's share."""
        draw, size = self.sampler.draw(step), self.sampler.patch_size
        lr = cut(self.lr[draw.scale].images, draw, self.share, size, 1)
        hr = cut(self.hr.images, draw, self.share, size * draw.scale, draw.scale)
        return Batch(lr, hr, draw.scale)

    def __iter__(self) -> Iterator[Batch]:
        worker = get_worker_info()
        # The loader asks its workers in turn, so worker w of n makes every n-th step.
        first, stride = (worker.id, worker.num_workers) if worker else (0, 1)
        return (self.batch(step) for step in self.steps[first::stride])
