"""MATLAB's imresize of a few rows at a time, for images that are larger than the memory.

Every output row depends on a few input rows alone, so a part of the output is computed from a part of the input, with
the same numbers as `srlab.imaging.resize.imresize_to` gives for the whole.
"""

import torch
from torch import Tensor

from srlab.imaging.resize import imresize_to, taps


def rows_behind(before: int, after: int, top: int, bottom: int, kernel: str = "bicubic") -> tuple[int, int]:
    """Returns from where up to where rows of an image are needed for rows of its resized version.

    Args:
        before: height of the image.
        after: height of the result.
        top: the first row of the result that is asked for.
        bottom: the first row after those.
        kernel: see `imresize`.
    """
    indices, _ = taps(before, after / before, kernel)
    part = indices[:, top:bottom]
    return int(part.min()), int(part.max()) + 1


def resize_rows(
    rows: Tensor, first: int, before: int, after: int, top: int, bottom: int, kernel: str = "bicubic"
) -> Tensor:
    """Computes rows of a resized image; the width stays.

    Args:
        rows: (N, C, n, W), floating point: at least those that `rows_behind` names.
        first: where in the image these rows start.
        before: see `rows_behind`; so are after, top, bottom and kernel.
        after: see `before`.
        top: see `before`.
        bottom: see `before`.
        kernel: see `before`.

    Returns:
        (N, C, bottom - top, W), not clipped.
    """
    indices, weights = taps(before, after / before, kernel)
    total = rows.new_zeros((*rows.shape[:2], bottom - top, rows.shape[3]))
    for index, weight in zip(indices[:, top:bottom] - first, weights[:, top:bottom], strict=True):
        factor = torch.from_numpy(weight.copy()).to(rows).reshape(-1, 1)
        total.addcmul_(rows.index_select(2, torch.from_numpy(index.copy()).to(rows.device)), factor)
    return total


def resize_columns(rows: Tensor, width: int, kernel: str = "bicubic") -> Tensor:
    """Resizes to a width; the height stays."""
    return imresize_to(rows, rows.shape[2], width, kernel)
