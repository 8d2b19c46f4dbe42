"""Large images in pieces: each tile sees all that its pixels depend on, so the result is that of the whole image."""

from collections.abc import Callable

import torch
from torch import Tensor


def tiled(forward: Callable[[Tensor], Tensor], scale: int, tile: int, overlap: int) -> Callable[[Tensor], Tensor]:
    """forward over tiles of `tile` x `tile` LR pixels, each extended by `overlap` where the image goes on.

    With overlap at least the network's receptive field the result equals forward(whole image) up to the rounding of
    the convolutions; with less, seams may show.
    """

    def over_tiles(lr: Tensor) -> Tensor:
        height, width = lr.shape[-2:]
        result: Tensor | None = None
        for top in range(0, height, tile):
            for left in range(0, width, tile):
                bottom, right = min(top + tile, height), min(left + tile, width)
                y0, x0 = max(0, top - overlap), max(0, left - overlap)
                piece = forward(lr[..., y0 : min(bottom + overlap, height), x0 : min(right + overlap, width)])
                if result is None:
                    result = piece.new_empty((*piece.shape[:-2], height * scale, width * scale))
                result[..., top * scale : bottom * scale, left * scale : right * scale] = piece[
                    ..., (top - y0) * scale : (bottom - y0) * scale, (left - x0) * scale : (right - x0) * scale
                ]
        assert result is not None
        return result

    return over_tiles


def padded(forward: Callable[[Tensor], Tensor], scale: int, multiple: int) -> Callable[[Tensor], Tensor]:
    """forward on sides brought up to multiples of `multiple` by reflection, and cropped back."""

    def on_padded(lr: Tensor) -> Tensor:
        height, width = lr.shape[-2:]
        extra = (0, -width % multiple, 0, -height % multiple)
        mode = "reflect" if extra[1] < width and extra[3] < height else "replicate"
        sr = forward(torch.nn.functional.pad(lr, extra, mode=mode))
        return sr[..., : height * scale, : width * scale]

    return on_padded if multiple > 1 else forward
