"""A picture of one validation image: LR, bicubic, SR, HR and the error, side by side."""

from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np

from srlab.data.batch import Pair
from srlab.imaging.color import luma
from srlab.imaging.files import as_8_bit, to_array, to_tensor
from srlab.imaging.resize import imresize
from srlab.metrics.protocol import Protocol

SIDE = 256  # HR pixels of a tile, at most
GAP = 4  # white pixels between tiles
LARGEST_ERROR = 32  # of 255 levels of luma; fixed, so that panels of other steps and other runs compare


@dataclass(frozen=True)
class ValidationPanel:
    """Five tiles in a row.

    Attributes:
        image: uint8 (H, W, 3).
        caption: what the tiles show, with the PSNR of the whole image.
    """

    image: np.ndarray
    caption: str


class ValidationPanelMaker:
    """Makes the panels of one validation image. Tiles that do not change from step to step are made once.

    Args:
        pair: the image.
        rules: the protocol that PSNR is measured by.
    """

    def __init__(self, pair: Pair, rules: Protocol) -> None:
        bicubic = rules.result(imresize(pair.lr.cpu(), pair.scale).clamp(0, 1))
        self.name, self.scale = Path(pair.name).stem, pair.scale
        self.bicubic_psnr = rules.psnr(bicubic, pair.hr, pair.scale)
        self._window = _centre(pair.hr.shape, pair.scale)
        nearest = to_array(pair.lr).repeat(pair.scale, axis=0).repeat(pair.scale, axis=1)
        self._lr, self._bicubic, self._hr = (
            image[self._window].copy() for image in (nearest, as_8_bit(bicubic), pair.hr)
        )

    def panel(self, sr: np.ndarray, psnr: float) -> ValidationPanel:
        """Returns the panel of one result.

        Args:
            sr: uint8, the whole image.
            psnr: of the whole image, under the protocol, in dB.
        """
        tile = sr[self._window]
        tiles = [_rgb(image) for image in (self._lr, self._bicubic, tile, self._hr)]
        return ValidationPanel(
            _row([*tiles, error_map(tile, self._hr)]),
            f"{self.name}: LR x{self.scale}, bicubic {self.bicubic_psnr:.2f} dB, SR {psnr:.2f} dB, HR, "
            f"error of luma (0 to {LARGEST_ERROR})",
        )


def error_map(sr: np.ndarray, hr: np.ndarray) -> np.ndarray:
    """Returns |SR - HR| on luma as colours, uint8 (H, W, 3): black is 0, the brightest is LARGEST_ERROR or more."""
    error = 255 * (luma(to_tensor(sr)) - luma(to_tensor(hr))).abs()[0, 0].numpy()
    colours = matplotlib.colormaps["inferno"]((error / LARGEST_ERROR).clip(0, 1), bytes=True)
    return np.asarray(colours)[..., :3]


def _centre(shape: tuple[int, ...], scale: int) -> tuple[slice, slice]:
    """Returns the middle of an image as slices, at most SIDE pixels a side, on the grid of LR pixels."""
    side = SIDE - SIDE % scale
    starts = [max(0, (length - side) // 2) // scale * scale for length in shape[:2]]
    return slice(starts[0], starts[0] + side), slice(starts[1], starts[1] + side)


def _rgb(image: np.ndarray) -> np.ndarray:
    return image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)


def _row(tiles: list[np.ndarray]) -> np.ndarray:
    gap = np.full((tiles[0].shape[0], GAP, 3), 255, np.uint8)
    parts = [part for tile in tiles for part in (tile, gap)]
    return np.concatenate(parts[:-1], axis=1)
