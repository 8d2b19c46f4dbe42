"""Training patches as a pure function of (seed, step): a resumed run, or one on more processes, sees the same ones."""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils.data import IterableDataset, get_worker_info

from srlab.data.batch import Batch
from srlab.data.store import Store
from srlab.errors import SrlabError, nearest

SCALE_PER = ("batch", "sample")


@dataclass(frozen=True)
class PatchShape:
    """Sides of training patches, in pixels.

    lr: of the LR patch without its margin, where hr is None; hr: of the HR patch, the same at every scale.
    margin: LR pixels on every side that a method sees beside the patch.
    """

    lr: int
    hr: int | None = None
    margin: int = 0

    def lr_side(self, scale: int) -> int:
        """Of the LR patch, margins included."""
        return (self.lr if self.hr is None else -(-self.hr // scale)) + 2 * self.margin

    def hr_side(self, scale: int) -> int:
        return self.lr * scale if self.hr is None else self.hr

    def needed(self, scales: Sequence[int]) -> int:
        """The least side of an HR image from which patches of every scale can be cut."""
        return max(self.lr_side(scale) * scale for scale in scales)


@dataclass(frozen=True)
class Draw:
    """What one step trains on, for the whole global batch: arrays of its size. top, left: of the LR patch."""

    scale: np.ndarray
    image: np.ndarray
    top: np.ndarray
    left: np.ndarray
    orientation: np.ndarray

    def chosen(self, samples: np.ndarray) -> "Draw":
        """Some of its samples."""
        return Draw(*(values[samples] for values in vars(self).values()))


@dataclass(frozen=True)
class PatchSampler:
    """Draws images uniformly, positions uniformly within them, and scales uniformly: one a step, or one a sample.

    lr_sizes: scale -> (images, 2), heights and widths of the LR images, none below the shape's LR side.
    batch_size: of all processes together. augment: one of the 8 orientations for each patch.
    Raises SrlabError for another scale_per than batch and sample.
    """

    lr_sizes: dict[int, np.ndarray]
    shape: PatchShape
    batch_size: int
    seed: int
    augment: bool = True
    scale_per: str = "batch"

    def __post_init__(self) -> None:
        if self.scale_per not in SCALE_PER:
            hint = nearest(self.scale_per, SCALE_PER)
            raise SrlabError(f"data.scale_per={self.scale_per}: expected {' or '.join(SCALE_PER)}.{hint}")

    def draw(self, step: int) -> Draw:
        """The same on every process and in every run of this seed: Philox is keyed by (seed, step), without state."""
        random = np.random.Generator(np.random.Philox(key=[self.seed, step]))
        scales, places = self._places
        which = random.integers(len(scales), size=1 if self.scale_per == "batch" else self.batch_size)
        which = np.broadcast_to(which, self.batch_size)
        image = random.integers(places.shape[1], size=self.batch_size)
        top, left = random.integers(places[which, image].T)
        orientation = random.integers(8 if self.augment else 1, size=self.batch_size)
        return Draw(scales[which], image, top, left, orientation)

    @functools.cached_property
    def _places(self) -> tuple[np.ndarray, np.ndarray]:
        """The scales, and (scales, images, 2): how many rows and columns a patch may start at."""
        scales = sorted(self.lr_sizes)
        places = [self.lr_sizes[scale] - self.shape.lr_side(scale) + 1 for scale in scales]
        return np.array(scales), np.stack(places)


def orient(patch: np.ndarray, orientation: int) -> np.ndarray:
    """One of the 8 symmetries of the square as a view. Bit 4 transposes, then bit 1 flips rows and bit 2 columns."""
    if orientation & 4:
        patch = patch.swapaxes(-1, -2)
    if orientation & 1:
        patch = patch[..., ::-1, :]
    return patch[..., ::-1] if orientation & 2 else patch


def cut(
    images: Sequence[np.ndarray], image: np.ndarray, top: np.ndarray, left: np.ndarray, turns: np.ndarray, side: int
) -> torch.Tensor:
    """Patches from (3, H, W) images: uint8 (N, 3, side, side). turns: the orientation of each."""
    patches = np.empty((len(image), 3, side, side), dtype=np.uint8)
    columns = (image.tolist(), top.tolist(), left.tolist(), turns.tolist())  # Python's integers index faster
    for row, (i, y, x, turn) in enumerate(zip(*columns, strict=True)):
        patches[row] = orient(images[i][:, y : y + side, x : x + side], turn)
    return torch.from_numpy(patches)


class PatchDataset(IterableDataset[Batch | list[Batch]]):
    """Whole batches, one for each of `steps`; rank r of n gets the r-th n-th of every global batch.

    versions: LR images that the LR stores have for every HR image. together: the steps that make one item, a list,
    for methods that accumulate gradients by themselves.
    """

    together = 1

    def __init__(
        self,
        hr: Store,
        lr: dict[int, Store],
        sampler: PatchSampler,
        steps: range,
        rank: int = 0,
        world: int = 1,
        versions: int = 1,
    ) -> None:
        super().__init__()
        share = sampler.batch_size // world
        self.hr, self.lr, self.sampler, self.steps, self.versions = hr, lr, sampler, steps, versions
        self.share = np.arange(rank * share, (rank + 1) * share)

    def batch(self, step: int) -> Batch | list[Batch]:
        """uint8 patches of one step, this rank's share: a batch, or one for each scale where samples have their own."""
        draw = self.sampler.draw(step).chosen(self.share)
        if self.sampler.scale_per == "batch":
            return self._patches(draw, int(draw.scale[0]))
        scales = np.unique(draw.scale).tolist()
        return [self._patches(draw.chosen(np.flatnonzero(draw.scale == scale)), scale) for scale in scales]

    def _patches(self, draw: Draw, scale: int) -> Batch:
        shape, turns = self.sampler.shape, draw.orientation
        lr = cut(self.lr[scale].images, draw.image, draw.top, draw.left, turns, shape.lr_side(scale))
        top, left = (draw.top + shape.margin) * scale, (draw.left + shape.margin) * scale
        # A side that is no multiple of the scale is cut after the patch has been turned, as its LR patch was.
        whole = (shape.lr_side(scale) - 2 * shape.margin) * scale
        hr = cut(self.hr.images, draw.image // self.versions, top, left, turns, whole)
        side = shape.hr_side(scale)
        return Batch(lr, hr[..., :side, :side], scale, margin=shape.margin)

    def __iter__(self) -> Iterator[Any]:
        worker = get_worker_info()
        # The loader asks its workers in turn, so worker w of n makes every n-th item.
        first, stride = (worker.id, worker.num_workers) if worker else (0, 1)
        if self.together == 1:
            return (self.batch(step) for step in self.steps[first::stride])
        starts = self.steps[:: self.together][first::stride]
        return ([self.batch(step) for step in range(start, start + self.together)] for start in starts)
