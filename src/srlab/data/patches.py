"""Training patches: cut from the stores where the random draws say, in batches."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import IterableDataset, get_worker_info

from srlab.data.batch import Batch
from srlab.data.degradations import BICUBIC, Degradation
from srlab.data.random_draws import Draw, PatchSampler
from srlab.data.store import Store
from srlab.imaging.symmetries import orient


def cut(
    images: Sequence[np.ndarray], image: np.ndarray, top: np.ndarray, left: np.ndarray, turns: np.ndarray, side: int
) -> torch.Tensor:
    """Patches from (3, H, W) images: uint8 (N, 3, side, side). turns: the orientation of each."""
    patches = np.empty((len(image), 3, side, side), dtype=np.uint8)
    columns = (image.tolist(), top.tolist(), left.tolist(), turns.tolist())  # Python's integers index faster
    for row, (i, y, x, turn) in enumerate(zip(*columns, strict=True)):
        patches[row] = orient(images[i][:, y : y + side, x : x + side], turn)
    return torch.from_numpy(patches)


def corrupted(
    patches: torch.Tensor, degradation: Degradation, draws: Iterable[np.random.Generator]
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """The random part of a degradation, each patch by its own draws: uint8 patches, and (N, K) conditions or None."""
    if not degradation.is_random:
        return patches, None
    results = [degradation.corrupt(patch.numpy(), random) for patch, random in zip(patches, draws, strict=True)]
    lr = torch.from_numpy(np.stack([patch for patch, _ in results]))
    codes = [code for _, code in results if code is not None]
    return lr, torch.from_numpy(np.stack(codes)) if codes else None


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
        degradation: Degradation = BICUBIC,
    ) -> None:
        super().__init__()
        share = sampler.batch_size // world
        self.hr, self.lr, self.sampler, self.steps, self.versions = hr, lr, sampler, steps, versions
        self.degradation = degradation
        self.share = np.arange(rank * share, (rank + 1) * share)

    def batch(self, step: int) -> Batch | list[Batch]:
        """uint8 patches of one step, this rank's share: a batch, or one for each scale where samples have their own."""
        draw = self.sampler.draw(step).chosen(self.share)
        if self.sampler.scale_per == "batch":
            return self._patches(step, draw, self.share, int(draw.scale[0]))
        parts = [(scale, np.flatnonzero(draw.scale == scale)) for scale in np.unique(draw.scale).tolist()]
        return [self._patches(step, draw.chosen(part), self.share[part], scale) for scale, part in parts]

    def _patches(self, step: int, draw: Draw, samples: np.ndarray, scale: int) -> Batch:
        """samples: where in the global batch those of the draw stand."""
        shape, turns = self.sampler.shape, draw.orientation
        clean = cut(self.lr[scale].images, draw.image, draw.top, draw.left, turns, shape.lr_side(scale))
        lr, condition = corrupted(clean, self.degradation, (self.sampler.draws(step, i) for i in samples.tolist()))
        top, left = (draw.top + shape.margin) * scale, (draw.left + shape.margin) * scale
        # A side that is no multiple of the scale is cut after the patch has been turned, as its LR patch was.
        whole = (shape.lr_side(scale) - 2 * shape.margin) * scale
        hr = cut(self.hr.images, draw.image // self.versions, top, left, turns, whole)
        side = shape.hr_side(scale)
        return Batch(lr, hr[..., :side, :side], scale, condition, shape.margin)

    def __iter__(self) -> Iterator[Any]:
        worker = get_worker_info()
        # The loader asks its workers in turn, so worker w of n makes every n-th item.
        first, stride = (worker.id, worker.num_workers) if worker else (0, 1)
        if self.together == 1:
            return (self.batch(step) for step in self.steps[first::stride])
        starts = self.steps[:: self.together][first::stride]
        return ([self.batch(step) for step in range(start, start + self.together)] for start in starts)
