"""Degradations: the one place where LR images are made, for training, validation and evaluation alike.

A degradation has two parts. `shrink` depends on the HR image alone, so training keeps its results in the cache.
`corrupt` draws random numbers: always the same ones for an image that is measured, new ones for every patch that is
trained on. A family of degradations also draws which of its members is applied, for each image and patch anew.
"""

import math
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import torch

from srlab.errors import SrlabError, nearest
from srlab.imaging.blur_kernels import SIDE, WIDEST, blur, delta_kernel, isotropic_kernel, random_kernel, told
from srlab.imaging.resize import imresize
from srlab.imaging.symmetries import orient

Corrupted = tuple[np.ndarray, np.ndarray | None]  # the LR image, and a network's condition: (K,) float32, or None
MEASURED_SEED = 0  # of the draws for images that are measured: the same in every run


@dataclass(frozen=True)
class Degradation:
    """Base class; a degradation is called as `(hr, scale, random) -> lr, condition`.

    Attributes:
        name: as `data.degradation` names it.
        shrunk_by: the name of the degradation whose `shrink` this one has; cached images are kept under it.
        needs_files: whether LR images cannot be made from HR, and must be there as files.
        is_random: whether `corrupt` has to be called for every patch: because it changes it, or gives a condition that
            is not always the same.
        condition: what a degradation-conditioned network is told of every image, (K,) float32, where that is always the
            same: see `srlab.imaging.blur_kernels.told`. None where nothing is known.
    """

    name: str
    shrunk_by: ClassVar[str]
    needs_files: ClassVar[bool] = False
    is_random: ClassVar[bool] = False
    condition: ClassVar[np.ndarray | None] = None

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
        member = self.member(scale, random)
        return member.corrupt(member.shrink(hr, scale), random)

    def member(self, scale: int, random: np.random.Generator) -> "Degradation":
        """Draws the degradation of one image or patch: itself, unless it is a family."""
        return self

    def context(self, scale: int) -> int | None:
        """Returns how many LR pixels around a patch `shrink` has to see, for families, which shrink every patch anew.

        None: `shrink` is applied to whole images, and patches are cut from its results.
        """
        return None

    def oriented(self, symmetry: int) -> "Degradation":
        """Returns the same degradation of images that `srlab.imaging.symmetries.orient` has turned."""
        return self

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
        return lr, self.condition

    def unshrunk(self, hr: np.ndarray, scale: int, random: np.random.Generator) -> np.ndarray | None:
        """Degrades an HR image but leaves its size, which makes a target that is easier than HR (data.curriculum).

        Args:
            hr: as of a call.
            scale: at which the degradation is applied.
            random: drawn from where the degradation is random.

        Returns:
            Of the shape and type of `hr`; None where nothing but the size is changed, or where it cannot be told apart.
        """
        return None

    def reach(self, scale: int) -> int:
        """Returns how many HR pixels around a pixel `unshrunk` has to see."""
        return 0

    def check_scales(self, scales: Iterable[int]) -> None:
        """Raises SrlabError for a scale that the degradation does not have."""


class Bicubic(Degradation):
    """MATLAB's imresize (BI): to the pixel what published LR files hold."""

    shrunk_by = "bicubic"
    condition = told(delta_kernel())

    def shrink(self, hr: np.ndarray, scale: int) -> np.ndarray:
        return imresize(hr, 1 / scale)


class BlurDown(Degradation):
    """Gaussian blur, then every third pixel: the BD protocol of SRMD, RDN and RCAN, which is of x3.

    The kernel is MATLAB's fspecial('gaussian', 7, 1.6) and borders are replicated. Of every 3 x 3 pixels the middle one
    stays, as imresize(..., 1/3, 'nearest') takes it (Prepare_TrainData_HR_LR_BD.m of RDN, imresize_BD of RCAN).

    A network that is told of blur before bicubic has to hear of another kernel, as in SRMD's section 3.1: bicubic blurs
    too. With WIDTH_TOLD, the Gaussian that comes nearest, LR images of photos are the same but for a small rest.
    """

    shrunk_by = "blur_down"
    SCALE: ClassVar[int] = 3
    SIDE: ClassVar[int] = 7
    SIGMA: ClassVar[float] = 1.6
    WIDTH_TOLD: ClassVar[float] = 1.27
    condition = told(isotropic_kernel(WIDTH_TOLD))

    def shrink(self, hr: np.ndarray, scale: int) -> np.ndarray:
        self.check_scales([scale])
        return self._blurred(hr)[1 :: self.SCALE, 1 :: self.SCALE]

    def unshrunk(self, hr: np.ndarray, scale: int, random: np.random.Generator) -> np.ndarray:
        return self._blurred(hr)

    def reach(self, scale: int) -> int:
        return self.SIDE // 2

    def _blurred(self, hr: np.ndarray) -> np.ndarray:
        return _gaussian_blur(hr, self.SIDE, self.SIGMA)

    def check_scales(self, scales: Iterable[int]) -> None:
        for scale in scales:
            if scale != self.SCALE:
                raise SrlabError(
                    f"data.degradation={self.name}: is defined at scale={self.SCALE}, not at {scale}. "
                    f"Set scale={self.SCALE}, or choose another degradation."
                )


class GaussianDown(Degradation):
    """Gaussian blur, then one of every scale x scale pixels: how ESPCN's paper makes LR images, at any scale.

    The paper (Shi et al. 2016, section 3.2) does not give the width of the blur. Ours is 3/8 of the scale in pixels, so
    that the finest wave that the LR image can hold keeps exp(-(3/8 pi)^2 / 2) = 0.500 of its amplitude: as much as with
    MATLAB's bicubic, 0.493. The kernel ends at four deviations; borders are replicated. The pixel that stays is that of
    imresize(..., 1/scale, 'nearest'): the middle one, or at even scales the one below and to the right of the middle,
    which shifts the LR image by half an HR pixel.
    """

    shrunk_by = "gaussian_down"
    SIGMA: ClassVar[float] = 3 / 8  # times the scale

    def shrink(self, hr: np.ndarray, scale: int) -> np.ndarray:
        return self._blurred(hr, scale)[scale // 2 :: scale, scale // 2 :: scale]

    def unshrunk(self, hr: np.ndarray, scale: int, random: np.random.Generator) -> np.ndarray:
        return self._blurred(hr, scale)

    def reach(self, scale: int) -> int:
        return math.ceil(4 * self.SIGMA * scale)

    def _blurred(self, hr: np.ndarray, scale: int) -> np.ndarray:
        return _gaussian_blur(hr, 2 * self.reach(scale) + 1, self.SIGMA * scale)


class NoiseDown(Bicubic):
    """Bicubic, then Gaussian noise in every channel: the DN protocol of RDN and RCAN, who use it at x3.

    The standard deviation is 30 of 255 levels, and the result is rounded to 8 bits (imresize_DN of RCAN). The papers
    draw noise anew for training and once for testing; so do we, although MATLAB's numbers are others than NumPy's.
    """

    is_random = True
    SIGMA: ClassVar[float] = 30.0
    condition = told(delta_kernel(), SIGMA / 255)

    def corrupt(self, lr: np.ndarray, random: np.random.Generator) -> Corrupted:
        return _with_noise(lr, self.SIGMA, random), self.condition

    def unshrunk(self, hr: np.ndarray, scale: int, random: np.random.Generator) -> np.ndarray:
        return _with_noise(hr, self.SIGMA, random)


@dataclass(frozen=True)
class BlurBicubic(Bicubic):
    """Blur, bicubic, and noise in every channel: the model of SRMD (section 3.1), a member of `RandomGaussian`.

    Attributes:
        kernel: (k, k), in HR pixels; borders are replicated.
        sigma: standard deviation of the noise, of 255 levels.
    """

    is_random = True
    kernel: np.ndarray = field(default_factory=delta_kernel)
    sigma: float = 0.0

    def shrink(self, hr: np.ndarray, scale: int) -> np.ndarray:
        blurred = blur(hr, self.kernel)
        return super().shrink(_to_uint8(blurred) if hr.dtype == np.uint8 else blurred.astype(hr.dtype), scale)

    def corrupt(self, lr: np.ndarray, random: np.random.Generator) -> Corrupted:
        return _with_noise(lr, self.sigma, random), told(self.kernel, self.sigma / 255)

    def oriented(self, symmetry: int) -> "BlurBicubic":
        return replace(self, kernel=orient(self.kernel, symmetry))


@dataclass(frozen=True)
class RandomGaussian(Degradation):
    """The family that SRMD is trained for (section 4.1): a random Gaussian kernel, bicubic, and a random noise level.

    Attributes:
        most_noise: noise levels are uniform from 0 to this, of 255.
    """

    is_random = True
    most_noise: float = 0.0

    def member(self, scale: int, random: np.random.Generator) -> BlurBicubic:
        self.check_scales([scale])
        return BlurBicubic(self.name, random_kernel(random, scale), random.uniform(0, self.most_noise))

    def context(self, scale: int) -> int:
        return -(-(SIDE // 2) // scale) + 2  # the kernel's reach and that of bicubic

    def check_scales(self, scales: Iterable[int]) -> None:
        for scale in scales:
            if scale not in WIDEST:
                known = ", ".join(map(str, WIDEST))
                raise SrlabError(f"data.degradation={self.name}: is defined at scale={known}, not at {scale}.")


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
        GaussianDown("gaussian_down"),
        NoiseDown("noise_down"),
        RandomGaussian("srmdnf"),
        RandomGaussian("srmd", most_noise=75.0),
        FileTrack("unknown"),
        FileTrack("mild"),
        FileTrack("difficult"),
        FileTrack("wild"),
    )
}
BICUBIC = DEGRADATIONS["bicubic"]


def find_degradation(name: str, option: str = "data.degradation") -> Degradation:
    """Returns the degradation of a name. Raises SrlabError, which names the option, for an unknown one."""
    if name not in DEGRADATIONS:
        hint = nearest(name, DEGRADATIONS)
        raise SrlabError(f"{option}={name}: expected one of {', '.join(DEGRADATIONS)}.{hint}")
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


def _with_noise(lr: np.ndarray, sigma: float, random: np.random.Generator) -> np.ndarray:
    """Adds Gaussian noise to every pixel; sigma: of 255 levels, for floating point in [0, 1] too."""
    noise = sigma * random.standard_normal(lr.shape)
    return _to_uint8(lr + noise) if lr.dtype == np.uint8 else (lr + noise / 255).astype(lr.dtype)


def _to_uint8(levels: np.ndarray) -> np.ndarray:
    """Rounded half up and clipped, as MATLAB's uint8()."""
    return np.floor(levels + 0.5).clip(0, 255).astype(np.uint8)
