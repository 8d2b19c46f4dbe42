"""What each training step draws: scales, images, positions and flips, as a pure function of (seed, step).

So a resumed run, or one on more processes, trains on the same patches.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

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

    def draws(self, step: int, sample: int) -> np.random.Generator:
        """The random numbers of one sample of a step beyond `draw`: a stream of its own, the same on every process."""
        return np.random.Generator(np.random.Philox(key=[self.seed, step], counter=[0, 0, 0, sample + 1]))

    @functools.cached_property
    def _places(self) -> tuple[np.ndarray, np.ndarray]:
        """The scales, and (scales, images, 2): how many rows and columns a patch may start at."""
        scales = sorted(self.lr_sizes)
        places = [self.lr_sizes[scale] - self.shape.lr_side(scale) + 1 for scale in scales]
        return np.array(scales), np.stack(places)
