"""Processes large images in overlapping tiles; with enough overlap the result equals that of the whole image."""

from collections.abc import Callable

import torch
from torch import Tensor


def tiled(forward: Callable[[Tensor], Tensor], scale: int, tile: int, overlap: int) -> Callable[[Tensor], Tensor]:
    """Returns a function that runs `forward` on tiles and puts the results together.

    With an overlap of at least the network's receptive field the result equals forward(whole image) up to the rounding
    of the convolutions; with less, seams may show.

    Args:
        forward: (N, C, h, w) -> (N, C, scale * h, scale * w).
        scale: of `forward`.
        tile: side of a tile in LR pixels.
        overlap: LR pixels by which a tile is extended on every side, as far as the image goes.
    """

    def over_tiles(lr: Tensor) -> Tensor:
        height, width = lr.shape[-2:]
        result: Tensor | None = None
        for top in range(0, height, tile):
            for left in range(0, width, tile):
                bottom, right = min(top + tile, height), min(left + tile, width)
                piece = on_rectangle(forward, lr, scale, (top, bottom), (left, right), overlap)
                if result is None:
                    result = piece.new_empty((*piece.shape[:-2], height * scale, width * scale))
                result[..., top * scale : bottom * scale, left * scale : right * scale] = piece
        assert result is not None
        return result

    return over_tiles


def on_rectangle(
    forward: Callable[[Tensor], Tensor],
    lr: Tensor,
    scale: int,
    rows: tuple[int, int],
    columns: tuple[int, int],
    overlap: int,
) -> Tensor:
    """Runs `forward` on a part of an image, and returns what it makes of a rectangle.

    Args:
        forward: (N, C, h, w) -> (N, C, scale * h, scale * w).
        lr: (N, C, h, w).
        scale: of `forward`.
        rows: of the rectangle, in LR pixels: from, to.
        columns: see `rows`.
        overlap: LR pixels that `forward` sees beyond the rectangle on every side, as far as the image goes.
    """
    (top, bottom), (left, right) = rows, columns
    y0, x0 = max(0, top - overlap), max(0, left - overlap)
    piece = forward(lr[..., y0 : bottom + overlap, x0 : right + overlap])
    return piece[..., (top - y0) * scale : (bottom - y0) * scale, (left - x0) * scale : (right - x0) * scale]


def padded(forward: Callable[[Tensor], Tensor], scale: int, multiple: int) -> Callable[[Tensor], Tensor]:
    """Returns a function that pads the sides to multiples by reflection, runs `forward`, and crops the result.

    Args:
        forward: (N, C, h, w) -> (N, C, scale * h, scale * w).
        scale: of `forward`.
        multiple: what the sides that `forward` takes must be multiples of.
    """

    def on_padded(lr: Tensor) -> Tensor:
        height, width = lr.shape[-2:]
        extra = (0, -width % multiple, 0, -height % multiple)
        mode = "reflect" if extra[1] < width and extra[3] < height else "replicate"
        sr = forward(torch.nn.functional.pad(lr, extra, mode=mode))
        return sr[..., : height * scale, : width * scale]

    return on_padded if multiple > 1 else forward
