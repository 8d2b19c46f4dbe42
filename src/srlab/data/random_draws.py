"""Random choice of scales, images, positions and orientations of training patches: a pure function of (seed, step).

Therefore a resumed run, or one on more processes, trains on the same patches.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from srlab.data.growth import Growth
from srlab.errors import SrlabError, nearest

SCALE_PER = ("batch", "sample")


@dataclass(frozen=True)
class PatchShape:
    """Sides of training patches, in pixels.

    Attributes:
        lr: of the LR patch without its margin; not used if `hr` is given.
        hr: of the HR patch, the same at every scale; None: `lr` times the scale.
        margin: LR pixels on every side that a method sees around the patch.
        lr_of_scale: sides that differ from `lr` at some scales.

    Raises:
        SrlabError: a side below 1.
    """

    lr: int
    hr: int | None = None
    margin: int = 0
    lr_of_scale: Mapping[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for scale, side in self.lr_of_scale.items():
            if side < 1:
                raise SrlabError(f"data.patch_sizes: {scale}: {side}: expected 1 or more.")

    def lr_side(self, scale: int) -> int:
        """Returns the side of the LR patch, including its margins."""
        return -(-self.hr_side(scale) // scale) + 2 * self.margin

    def hr_side(self, scale: int) -> int:
        return self.lr_of_scale.get(scale, self.lr) * scale if self.hr is None else self.hr

    def needed(self, scales: Sequence[int]) -> int:
        """Returns the smallest side of an HR image from which patches of all these scales can be cut."""
        return max(self.lr_side(scale) * scale for scale in scales)


@dataclass(frozen=True)
class Draw:
    """The choice for one step: arrays with an element for each sample of the global batch.

    Attributes:
        scale: HR over LR side.
        image: index of the LR image.
        top: first row of the LR patch, margin included.
        left: first column.
        orientation: 0 to 7.
    """

    scale: np.ndarray
    image: np.ndarray
    top: np.ndarray
    left: np.ndarray
    orientation: np.ndarray

    def chosen(self, samples: np.ndarray) -> "Draw":
        """Returns the draw of some samples only."""
        return Draw(*(values[samples] for values in vars(self).values()))


@dataclass(frozen=True)
class PatchSampler:
    """Draws images, positions within them, and scales uniformly.

    Attributes:
        lr_sizes: scale -> (images, 2), heights and widths of the LR images, none below the patch.
        shape: of the patches.
        batch_size: of all processes together.
        seed: of the run.
        augment: whether each patch gets one of the 8 orientations.
        scale_per: "batch": one scale for each step; "sample": one for each sample.
        growth: which of the scales are drawn at a step.

    Raises:
        SrlabError: scale_per has another value.
    """

    lr_sizes: dict[int, np.ndarray]
    shape: PatchShape
    batch_size: int
    seed: int
    augment: bool = True
    scale_per: str = "batch"
    growth: Growth = field(default_factory=Growth)

    def __post_init__(self) -> None:
        if self.scale_per not in SCALE_PER:
            hint = nearest(self.scale_per, SCALE_PER)
            raise SrlabError(f"data.scale_per={self.scale_per}: expected {' or '.join(SCALE_PER)}.{hint}")

    def draw(self, step: int) -> Draw:
        """Returns the draw of a step. Philox is keyed by (seed, step), so it is the same on every process."""
        random = np.random.Generator(np.random.Philox(key=[self.seed, step]))
        scales, places = self._places
        joined = np.flatnonzero(np.isin(scales, self.growth.joined(scales.tolist(), step)))
        which = joined[random.integers(len(joined), size=1 if self.scale_per == "batch" else self.batch_size)]
        which = np.broadcast_to(which, self.batch_size)
        image = random.integers(places.shape[1], size=self.batch_size)
        top, left = random.integers(places[which, image].T)
        orientation = random.integers(8 if self.augment else 1, size=self.batch_size)
        return Draw(scales[which], image, top, left, orientation)

    def draws(self, step: int, sample: int) -> np.random.Generator:
        """Returns a stream of random numbers for one sample, such as for noise.

        It is the same on every process, and independent of `draw`: the highest word of the counter is the sample's.

        Args:
            step: of the training.
            sample: position in the global batch.
        """
        return np.random.Generator(np.random.Philox(key=[self.seed, step], counter=[0, 0, 0, sample + 1]))

    @functools.cached_property
    def _places(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns the scales, and (scales, images, 2): the number of rows and columns at which a patch can start."""
        scales = sorted(self.lr_sizes)
        places = [self.lr_sizes[scale] - self.shape.lr_side(scale) + 1 for scale in scales]
        return np.array(scales), np.stack(places)
