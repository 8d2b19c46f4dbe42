"""Patches of training images in several sizes, drawn at random, for methods that are fitted to all of them at once."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from srlab.data.degradations import Degradation
from srlab.data.training_set import TrainingSet
from srlab.errors import SrlabError
from srlab.imaging.crop import crop_to_multiple
from srlab.imaging.files import to_tensor
from srlab.imaging.resize import imresize, resized
from srlab.metrics.protocol import protocol


class DrawnPatches(NamedTuple):
    """Some patches of one image, in one size.

    Attributes:
        enlarged: the LR image, enlarged by bicubic interpolation; (1, 1, H, W), Y in [0, 1].
        hr: the HR image, of the same shape.
        chosen: (n,), which of its patches were drawn, in the order of rows.
    """

    enlarged: Tensor
    hr: Tensor
    chosen: Tensor


@dataclass(frozen=True)
class PatchSamples:
    """Draws patches without repetition from all images in all sizes; the same ones for the same seed.

    As under `protocol=classic`, HR is Y rounded to 8 bits, and LR is made from it in floating point and not rounded.

    Args:
        images: of the training.
        degradation: makes LR images.
        scale: of the super-resolution.
        smallest: side of the smallest LR image that has a patch; every further row or column is one more.
        copies: how many sizes of every image are used.
        shrink: each size over the one before.
        seed: of the draw.
    """

    images: TrainingSet
    degradation: Degradation
    scale: int
    smallest: int
    copies: int
    shrink: float
    seed: int

    def available(self) -> np.ndarray:
        """Returns how many patches there are: (images, copies)."""
        sizes = np.array(
            [
                [[resized(side, self.shrink**copy) // self.scale for side in size] for copy in range(self.copies)]
                for size in self.images.sizes
            ]
        )
        return np.maximum(sizes - self.smallest + 1, 0).prod(axis=2)

    def count(self, most: int) -> int:
        """Returns how many patches `draw` gives. Raises SrlabError where there are none."""
        total = int(self.available().sum())
        if not total:
            least = self.smallest * self.scale
            raise SrlabError(f"data.train: no image is {least}x{least} or larger, so there is nothing to fit to.")
        return min(most, total)

    def draw(self, most: int, device: torch.device) -> Iterator[DrawnPatches]:
        """Yields `count(most)` patches, image by image.

        Args:
            most: at most so many.
            device: of the tensors.
        """
        available = self.available()
        random = np.random.default_rng(self.seed)
        numbers = np.sort(random.choice(int(available.sum()), self.count(most), replace=False, shuffle=False))
        ends = available.cumsum()
        parts = np.split(numbers, np.searchsorted(numbers, ends[:-1]))
        for i in range(len(available)):
            y = protocol("classic").degraded(self.images.read(i))
            for copy in range(self.copies):
                part = i * self.copies + copy
                if len(parts[part]):
                    chosen = torch.from_numpy(parts[part] - (ends[part - 1] if part else 0)).to(device)
                    yield DrawnPatches(*self._pair(y, i, copy, device), chosen)

    def _pair(self, y: np.ndarray, index: int, copy: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """Returns one image in one size: its enlarged LR image, and HR."""
        smaller = y if copy == 0 else imresize(y, self.shrink**copy)
        hr = crop_to_multiple(smaller, self.scale)
        lr, _ = self.degradation(hr, self.scale, np.random.default_rng((self.seed, index, copy)))
        return imresize(to_tensor(lr).to(device), self.scale), to_tensor(hr).to(device)
