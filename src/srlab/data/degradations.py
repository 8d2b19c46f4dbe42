"""Degradations: the one place where LR images are made, for training, validation and evaluation alike.

A degradation has two parts. `shrink` depends on the HR image alone, so training keeps its results in the cache.
`corrupt` draws random numbers: always the same ones for an image that is measured, new ones for every patch that is
trained on.
"""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from srlab.errors import SrlabError, nearest
from srlab.imaging.resize import imresize

Corrupted = tuple[np.ndarray, np.ndarray | None]  # the LR image, and a network's condition: (K,) float32, or None
MEASURED_SEED = 0  # of the draws for images that are measured: the same in every run


@dataclass(frozen=True)
class Degradation:
    """Base class; a degradation is called as `(hr, scale, random) -> lr, condition`.

    Attributes:
        name: as `data.degradation` names it.
        shrunk_by: the name of the degradation whose `shrink` this one has; cached images are kept under it.
        needs_files: whether LR images cannot be made from HR, and must be there as files.
        is_random: whether `corrupt` has to be called for every patch: because it changes it, or gives a condition.
    """

    name: str
    shrunk_by: ClassVar[str]
    needs_files: ClassVar[bool] = False
    is_random: ClassVar[bool] = False

    def __call__(self, hr: np.ndarray, scale: int, random: np.random.Generator) -> Corrupted:
        """Makes the LR image of an HR image.

        Args:
            hr: (H, W) or (H, W, 3), sides multiples of `scale`; uint8, or floating point in [0, 1].
            scale: HR over LR side.
            random: drawn from where the degradation is random.

        Returns:
            The LR image, of the same type, and what a degradation-conditioned network is told of it: (K,) float32, or
            None. uint8 is rounded and clipped after every step, as saved files are; floating point is neither.

        Raises:
            SrlabError: the degradation has no such scale, or is known by its files alone.
        """
        return self.corrupt(self.shrink(hr, scale), random)

    def shrink(self, hr: np.ndarray, scale: int) -> np.ndarray:
        """Makes the LR image as far as it depends on the HR image alone; arguments as of a call."""
        raise NotImplementedError

    def corrupt(self, lr: np.ndarray, random: np.random.Generator) -> Corrupted:
        """Adds the random part.

        Args:
            lr: what `shrink` gave, or a patch of it; of any axes.
            random: drawn from.

        Returns:
            As a call does.
        """
        return lr, None

    def check_scales(self, scales: Iterable[int]) -> None:
        """Raises SrlabError for a scale that the degradation does not have."""


class Bicubic(Degradation):
    """MATLAB's imresize (BI): to the pixel what published LR files hold."""

    shrunk_by = "bicubic"

    def shrink(self, hr: np.ndarray, scale: int) -> np.ndarray:
        return imresize(hr, 1 / scale)


class BlurDown(Degradation):
    """Gaussian blur, then every third pixel: the BD protocol of SRMD, RDN and RCAN, which is of x3.

    The kernel is MATLAB's fspecial('gaussian', 7, 1.6) and borders are replicated. Of every 3 x 3 pixels the middle one
    stays, as imresize(..., 1/3, 'nearest') takes it (Prepare_TrainData_HR_LR_BD.m of RDN, imresize_BD of RCAN).
    """

    shrunk_by = "blur_down"
    SCALE: ClassVar[int] = 3
    SIDE: ClassVar[int] = 7
    SIGMA: ClassVar[float] = 1.6

    def shrink(self, hr: np.ndarray, scale: int) -> np.ndarray:
        self.check_scales([scale])
        return _gaussian_blur(hr, self.SIDE, self.SIGMA)[1 :: self.SCALE, 1 :: self.SCALE]

    def check_scales(self, scales: Iterable[int]) -> None:
        for scale in scales:
            if scale != self.SCALE:
                raise SrlabError(
                    f"data.degradation={self.name}: is defined at scale={self.SCALE}, not at {scale}. "
                    f"Set scale={self.SCALE}, or choose another degradation."
                )


class NoiseDown(Bicubic):
    """Bicubic, then Gaussian noise in every channel: the DN protocol of RDN and RCAN, who use it at x3.

    The standard deviation is 30 of 255 levels, and the result is rounded to 8 bits (imresize_DN of RCAN). The papers
    draw noise anew for training and once for testing; so do we, although MATLAB's numbers are others than NumPy's.
    """

    is_random = True
    SIGMA: ClassVar[float] = 30.0

    def corrupt(self, lr: np.ndarray, random: np.random.Generator) -> Corrupted:
        noise = self.SIGMA * random.standard_normal(lr.shape)
        if lr.dtype == np.uint8:
            return _to_uint8(lr + noise), None
        return (lr + noise / 255).astype(lr.dtype), None


class FileTrack(Degradation):
    """One of DIV2K's other tracks (NTIRE 2017, 2018): unknown, mild, difficult, wild. Only its files are published."""

    shrunk_by = "files"
    needs_files = True

    def shrink(self, hr: np.ndarray, scale: int) -> np.ndarray:
        raise SrlabError(f"data.degradation={self.name}: its LR images cannot be made from HR; they must be there.")


DEGRADATIONS: dict[str, Degradation] = {
    degradation.name: degradation
    for degradation in (
        Bicubic("bicubic"),
        BlurDown("blur_down"),
        NoiseDown("noise_down"),
        FileTrack("unknown"),
        FileTrack("mild"),
        FileTrack("difficult"),
        FileTrack("wild"),
    )
}
BICUBIC = DEGRADATIONS["bicubic"]


def find_degradation(name: str) -> Degradation:
    """Returns the degradation of a name. Raises SrlabError for an unknown one."""
    if name not in DEGRADATIONS:
        hint = nearest(name, DEGRADATIONS)
        raise SrlabError(f"data.degradation={name}: expected one of {', '.join(DEGRADATIONS)}.{hint}")
    return DEGRADATIONS[name]


def draws_for_image(name: str, scale: int) -> np.random.Generator:
    """Returns the random numbers for an image that is measured: they depend on its name and the scale alone."""
    key = [MEASURED_SEED, zlib.crc32(f"{name} x{scale}".encode())]
    return np.random.Generator(np.random.Philox(key=key))


def _gaussian_blur(image: np.ndarray, side: int, sigma: float) -> np.ndarray:
    """MATLAB's imfilter(image, fspecial('gaussian', side, sigma), 'replicate')."""
    from kornia.filters import gaussian_blur2d  # noqa: PLC0415 - takes a moment, and most runs are bicubic

    planes = image[None] if image.ndim == 2 else image.transpose(2, 0, 1)
    exact = torch.from_numpy(planes.astype(np.float64))[None]
    blurred = gaussian_blur2d(exact, (side, side), (sigma, sigma), border_type="replicate")[0].numpy()
    blurred = blurred[0] if image.ndim == 2 else blurred.transpose(1, 2, 0)
    return _to_uint8(blurred) if image.dtype == np.uint8 else blurred.astype(image.dtype)


def _to_uint8(levels: np.ndarray) -> np.ndarray:
    """Rounded half up and clipped, as MATLAB's uint8()."""
    return np.floor(levels + 0.5).clip(0, 255).astype(np.uint8)
