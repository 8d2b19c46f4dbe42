"""How low-resolution images come about: the one place where they are made, for training, validation and evaluation.

A degradation has two parts. `shrink` depends on the HR image alone, so its results are kept in the cache. `corrupt`
draws random numbers: once for every image that is measured, and anew for every patch that is trained on.
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
        is_random: whether `corrupt` does anything.
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
        """The part that depends on the HR image alone."""
        raise NotImplementedError

    def corrupt(self, lr: np.ndarray, random: np.random.Generator) -> Corrupted:
        """The random part, of a whole LR image or a patch; any axes."""
        return lr, None

    def check_scales(self, scales: Iterable[int]) -> None:
        """Raises SrlabError for a scale that the degradation does not have."""


class Bicubic(Degradation):
    """MATLAB's imresize (BI): to the pixel what published LR files hold."""

    shrunk_by = "bicubic"

    def shrink(self, hr: np.ndarray, scale: int) -> np.ndarray:
        return imresize(hr, 1 / scale)


class BlurDown(Degradation):
    """Gaussian blur, then every third pixel (BD of SRMD, RDN and RCAN; x3).

    The kernel is MATLAB's fspecial('gaussian', 7, 1.6), borders are replicated, and of every 3 x 3 pixels the middle
    one stays (RCAN's Prepare_TrainData_HR_LR_BD.m).
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
                raise SrlabError(f"data.degradation={self.name}: is defined at scale={self.SCALE}, not at {scale}.")


class NoiseDown(Bicubic):
    """Bicubic, then Gaussian noise of standard deviation 30 (of 255 levels) in every channel (DN of RDN and RCAN)."""

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
    """Returns the random numbers of an image that is measured: they depend on its name and the scale alone."""
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
