"""Training patches: cuts batches from the stores, at the places that `random_draws` chooses."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import IterableDataset, get_worker_info

from srlab.data.batch import Batch
from srlab.data.degradations import BICUBIC, Corrupted, Degradation
from srlab.data.random_draws import Draw, PatchSampler
from srlab.data.store import Store
from srlab.imaging.symmetries import orient


def cut(
    images: Sequence[np.ndarray], image: np.ndarray, top: np.ndarray, left: np.ndarray, turns: np.ndarray, side: int
) -> torch.Tensor:
    """Cuts square patches.

    Args:
        images: (3, H, W) uint8 each.
        image: (N,) index of the image of each patch.
        top: (N,) first row.
        left: (N,) first column.
        turns: (N,) orientation, 0 to 7.
        side: of the patches.

    Returns:
        (N, 3, side, side) uint8.
    """
    patches = np.empty((len(image), 3, side, side), dtype=np.uint8)
    columns = (image.tolist(), top.tolist(), left.tolist(), turns.tolist())  # Python's integers index faster
    for row, (i, y, x, turn) in enumerate(zip(*columns, strict=True)):
        patches[row] = orient(images[i][:, y : y + side, x : x + side], turn)
    return torch.from_numpy(patches)


def shrunk(
    images: Sequence[np.ndarray],
    draw: Draw,
    versions: int,
    scale: int,
    side: int,
    degradation: Degradation,
    draws: Iterable[np.random.Generator],
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Makes LR patches from HR images by a family of degradations, of which each patch has a member of its own.

    Every patch is as if it had been cut from the degraded image: the degradation sees its context.

    Args:
        images: HR, (3, H, W) uint8 each.
        draw: places of the patches.
        versions: number of LR images for every HR image.
        scale: HR over LR side.
        side: of the patches.
        degradation: the family.
        draws: random numbers of each patch.

    Returns:
        (N, 3, side, side) uint8, and conditions, (N, K) float32, or None.
    """
    context, results = degradation.context(scale), []
    assert context is not None
    columns = (draw.image.tolist(), draw.top.tolist(), draw.left.tolist(), draw.orientation.tolist())
    for index, top, left, turn, random in zip(*columns, draws, strict=True):
        member = degradation.member(scale, random)
        hr = images[index // versions]
        # Of the image as far as whole LR pixels go: its own border is the degradation's.
        first = [max(0, start - context) for start in (top, left)]
        last = [
            min(start + side + context, length // scale)
            for start, length in zip((top, left), hr.shape[1:], strict=True)
        ]
        rows, cols = (slice(a * scale, b * scale) for a, b in zip(first, last, strict=True))
        lr = member.shrink(hr[:, rows, cols].transpose(1, 2, 0), scale).transpose(2, 0, 1)
        y, x = top - first[0], left - first[1]
        patch = orient(lr[:, y : y + side, x : x + side], turn)
        results.append(member.oriented(turn).corrupt(np.ascontiguousarray(patch), random))
    return _stacked(results)


def unshrunk(
    images: Sequence[np.ndarray],
    draw: Draw,
    side: int,
    scale: int,
    degradation: Degradation,
    draws: Iterable[np.random.Generator],
) -> torch.Tensor | None:
    """Makes HR patches that are degraded but not shrunk, each as if it had been cut from the whole image.

    Args:
        images: HR, (3, H, W) uint8 each.
        draw: places in these images, in HR pixels.
        side: of the patches.
        scale: at which the degradation is applied.
        degradation: what to apply.
        draws: random numbers of each patch.

    Returns:
        (N, 3, side, side) uint8; None where the degradation has no such images.
    """
    reach, patches = degradation.reach(scale), []
    columns = (draw.image.tolist(), draw.top.tolist(), draw.left.tolist(), draw.orientation.tolist())
    for index, top, left, turn, random in zip(*columns, draws, strict=True):
        # Of the image as far as whole LR pixels go: its own border is the degradation's.
        height, width = (length // scale * scale for length in images[index].shape[1:])
        y, x = max(0, top - reach), max(0, left - reach)
        region = images[index][:, y : min(top + side + reach, height), x : min(left + side + reach, width)]
        degraded = degradation.unshrunk(region.transpose(1, 2, 0), scale, random)
        if degraded is None:
            return None
        patch = degraded.transpose(2, 0, 1)[:, top - y : top - y + side, left - x : left - x + side]
        patches.append(orient(patch, turn))
    return torch.from_numpy(np.stack(patches))


def corrupted(
    patches: torch.Tensor, degradation: Degradation, draws: Iterable[np.random.Generator]
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Applies the random part of a degradation to LR patches.

    Args:
        patches: (N, 3, h, w) uint8.
        degradation: what to apply.
        draws: random numbers of each patch.

    Returns:
        Patches of the same shape, and conditions, (N, K) float32, or None.
    """
    if not degradation.is_random:
        return patches, _same_for_all(degradation, len(patches))
    return _stacked([degradation.corrupt(patch.numpy(), random) for patch, random in zip(patches, draws, strict=True)])


def _same_for_all(degradation: Degradation, patches: int) -> torch.Tensor | None:
    code = degradation.condition
    # A copy for each, because memory that rows share cannot be pinned.
    return None if code is None else torch.from_numpy(code).repeat(patches, 1)


def _stacked(results: Sequence[Corrupted]) -> tuple[torch.Tensor, torch.Tensor | None]:
    lr = torch.from_numpy(np.stack([patch for patch, _ in results]))
    codes = [code for _, code in results if code is not None]
    return lr, torch.from_numpy(np.stack(codes)) if codes else None


class PatchDataset(IterableDataset[Batch | list[Batch]]):
    """Batches of patches, one for each step; rank r of n gets the r-th part of n of every global batch.

    Args:
        hr: HR images.
        lr: scale -> LR images without the random part of the degradation; not used for a family of degradations.
        sampler: chooses the patches.
        steps: of the whole training, counted in batches.
        rank: of this process.
        world: number of processes.
        versions: number of LR images for every HR image.
        degradation: whose random part is applied to each patch, or the family of which each has a member.
        curriculum: whether batches have easier targets too, `Batch.easier`.

    Attributes:
        together: number of steps whose batches make one item, a list, for methods that accumulate gradients themselves.
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
        curriculum: bool = False,
    ) -> None:
        super().__init__()
        share = sampler.batch_size // world
        self.hr, self.lr, self.sampler, self.steps, self.versions = hr, lr, sampler, steps, versions
        self.degradation, self.curriculum = degradation, curriculum
        self.share = np.arange(rank * share, (rank + 1) * share)

    def batch(self, step: int) -> Batch | list[Batch]:
        """Returns this rank's patches of one step: a batch, or one for each scale if every sample has its own scale."""
        draw = self.sampler.draw(step).chosen(self.share)
        if self.sampler.scale_per == "batch":
            return self._patches(step, draw, self.share, int(draw.scale[0]))
        parts = [(scale, np.flatnonzero(draw.scale == scale)) for scale in np.unique(draw.scale).tolist()]
        return [self._patches(step, draw.chosen(part), self.share[part], scale) for scale, part in parts]

    def _patches(self, step: int, draw: Draw, samples: np.ndarray, scale: int) -> Batch:
        """Cuts the patches of a draw; samples: their positions in the global batch."""
        shape, turns = self.sampler.shape, draw.orientation
        drawn = self.degradation.is_random or self.curriculum
        draws = [self.sampler.draws(step, i) for i in samples.tolist()] if drawn else []
        side = shape.lr_side(scale)
        if self.degradation.context(scale) is None:
            clean = cut(self.lr[scale].images, draw.image, draw.top, draw.left, turns, side)
            lr, condition = corrupted(clean, self.degradation, draws)
        else:
            lr, condition = shrunk(self.hr.images, draw, self.versions, scale, side, self.degradation, draws)
        hr, easier = self._targets(draw, scale, draws)
        return Batch(lr, hr, scale, condition, shape.margin, self.sampler.growth.blend(scale, step), easier)

    def _targets(
        self, draw: Draw, scale: int, draws: Iterable[np.random.Generator]
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Cuts the HR patches of a draw, and makes the easier targets of a curriculum."""
        shape, turns = self.sampler.shape, draw.orientation
        image = draw.image // self.versions
        top, left = (draw.top + shape.margin) * scale, (draw.left + shape.margin) * scale
        # An HR side that the scale does not divide is cropped only after the patch is oriented, as its LR patch is.
        whole, side = (shape.lr_side(scale) - 2 * shape.margin) * scale, shape.hr_side(scale)
        hr = cut(self.hr.images, image, top, left, turns, whole)[..., :side, :side]
        if not self.curriculum:
            return hr, None
        places = Draw(draw.scale, image, top, left, turns)
        easier = unshrunk(self.hr.images, places, whole, scale, self.degradation, draws)
        return hr, None if easier is None else easier[..., :side, :side]

    def __iter__(self) -> Iterator[Any]:
        worker = get_worker_info()
        # The loader takes items from its workers in turn, so worker w of n makes every n-th item.
        first, stride = (worker.id, worker.num_workers) if worker else (0, 1)
        if self.together == 1:
            return (self.batch(step) for step in self.steps[first::stride])
        starts = self.steps[:: self.together][first::stride]
        return ([self.batch(step) for step in range(start, start + self.together)] for start in starts)
