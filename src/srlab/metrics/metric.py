"""What a metric is: a name, which way is better, how it is written, and a function of two images."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from srlab.imaging.color import luma
from srlab.imaging.files import to_tensor
from srlab.metrics.quality import psnr, ssim


@dataclass(frozen=True)
class Metric:
    """What tables, files and figures must know of a number.

    name: on the command line, in results.json and results.csv. title: in tables and figures. better: which values are;
    None where neither is. digits: after the point. about: where a number needs it, how it came about.
    """

    name: str
    title: str
    better: Literal["higher", "lower"] | None
    digits: int
    unit: str = ""
    about: str = ""

    def text(self, value: float) -> str:
        return f"{value:.{self.digits}f}"

    @property
    def axis(self) -> str:
        """The label of a figure's axis, such as `LPIPS (lower is better)`."""
        remarks = [self.unit, f"{self.better} is better" if self.better else ""]
        said = ", ".join(remark for remark in remarks if remark)
        return f"{self.title} ({said})" if said else self.title


@dataclass(frozen=True)
class Compared:
    """A result and its reference without the protocol's border: uint8, (H, W) or (H, W, 3), of equal shape.

    measured: what of them PSNR and SSIM see, as in `Protocol`.
    """

    sr: np.ndarray
    hr: np.ndarray
    measured: Literal["luma", "image"]

    @cached_property
    def planes(self) -> tuple[np.ndarray, np.ndarray]:
        """Both as (C, H, W) float64 in 0..255; Y is not rounded."""
        return self._planes(self.sr), self._planes(self.hr)

    def _planes(self, image: np.ndarray) -> np.ndarray:
        tensor = to_tensor(image).double()
        return ((luma(tensor) if self.measured == "luma" else tensor) * 255)[0].numpy()


@dataclass(frozen=True)
class Meter:
    """A metric and how it is measured."""

    metric: Metric
    measure: Callable[[Compared], float]


class Quality(dict[str, float]):
    """The values of one image by the names of metrics; psnr in dB, infinite for equal images, and ssim, at most 1."""

    @property
    def psnr(self) -> float:
        return self["psnr"]

    @property
    def ssim(self) -> float:
        return self["ssim"]


PSNR = Meter(Metric("psnr", "PSNR", "higher", 2, "dB"), lambda pair: psnr(*pair.planes))
SSIM = Meter(Metric("ssim", "SSIM", "higher", 4), lambda pair: ssim(*pair.planes))
DEFAULT = (PSNR, SSIM)
