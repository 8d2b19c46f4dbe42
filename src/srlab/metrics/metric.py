"""What a metric is: its name, which way is better, how it is written, and a function of two images."""

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
    """How tables, files and figures show a number.

    Attributes:
        name: on the command line, in results.json and results.csv.
        title: in tables and figures.
        better: which values are better; None where neither is.
        digits: after the point.
        unit: such as dB.
        about: which package and network the number is of, where that matters.
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
    """A result and its reference, without the protocol's border.

    Attributes:
        sr: (H, W) or (H, W, 3), uint8 or, where the protocol does not round results, floating point in [0, 1].
        hr: likewise, uint8.
        measured: what PSNR and SSIM see of them, as in `Protocol`.
        rounds_luma: whether Y is rounded to 8 bits.
    """

    sr: np.ndarray
    hr: np.ndarray
    measured: Literal["luma", "image"]
    rounds_luma: bool = False

    @cached_property
    def planes(self) -> tuple[np.ndarray, np.ndarray]:
        """What PSNR and SSIM compare: both as (C, H, W) float64 in 0..255."""
        return self._planes(self.sr), self._planes(self.hr)

    def _planes(self, image: np.ndarray) -> np.ndarray:
        tensor = to_tensor(image).double()
        if self.measured == "image":
            return (tensor * 255)[0].numpy()
        y = luma(tensor) * 255
        return (y + 0.5).floor()[0].numpy() if self.rounds_luma else y[0].numpy()


@dataclass(frozen=True)
class Meter:
    """A metric and how it is measured."""

    metric: Metric
    measure: Callable[[Compared], float]


class Quality(dict[str, float]):
    """Values of one image by the names of metrics. PSNR is in dB, infinite for equal images; SSIM is at most 1."""

    @property
    def psnr(self) -> float:
        return self["psnr"]

    @property
    def ssim(self) -> float:
        return self["ssim"]


PSNR = Meter(Metric("psnr", "PSNR", "higher", 2, "dB"), lambda pair: psnr(*pair.planes))
SSIM = Meter(Metric("ssim", "SSIM", "higher", 4), lambda pair: ssim(*pair.planes))
DEFAULT = (PSNR, SSIM)
