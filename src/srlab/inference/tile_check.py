"""Warns where tiles change what a network that sees the whole image makes of it.

Such a network gets another result of every tile than of the image, however far tiles overlap. How much that is can be
measured only against the whole image, which does not fit into memory where tiles are needed; but the same pixels, seen
as part of a tile of half the side, differ by about as much again.
"""

import warnings
from collections.abc import Callable

from torch import Tensor

from srlab.inference.tiling import on_rectangle, tiled

# Noise of this mean square, in [0, 1], lowers a PSNR of 40 dB by 0.01 dB. Hardly any result is better than 40 dB, and
# the larger the error that a result has already, the less it takes.
LARGEST = 10 ** (-40 / 10) * (10 ** (0.01 / 10) - 1)

_warned = set[str]()  # labels


def checked(
    forward: Callable[[Tensor], Tensor], scale: int, tile: int, overlap: int, label: str
) -> Callable[[Tensor], Tensor]:
    """Returns `tiled(forward, ...)`, which warns once for each label where tiles change its result.

    It costs less than a tile more for each image, and no more memory, until it has warned.

    Args:
        forward: as for `tiled`; so are scale, tile and overlap.
        scale: see `forward`.
        tile: see `forward`.
        overlap: see `forward`.
        label: of the network, for the message.
    """
    over_tiles = tiled(forward, scale, tile, overlap)

    def checked_tiles(lr: Tensor) -> Tensor:
        sr = over_tiles(lr)
        if label not in _warned and max(lr.shape[-2:]) > tile:
            change = _change_of_a_smaller_tile(forward, lr, sr, scale, tile, overlap)
            if change > LARGEST:
                _warned.add(label)
                warnings.warn(
                    f"tile={tile}: {label} looks at the whole image, and tiles can change its result by more than "
                    f"0.01 dB: those of {tile} and of {_half(tile)} LR pixels differ by {255 * change**0.5:.2f} of "
                    f"255. Larger tiles change it less, and whole images (tile=null) are what it is measured on.",
                    stacklevel=2,
                )
        return sr

    return checked_tiles


def _half(tile: int) -> int:
    return max(1, tile // 2)


def _change_of_a_smaller_tile(
    forward: Callable[[Tensor], Tensor], lr: Tensor, sr: Tensor, scale: int, tile: int, overlap: int
) -> float:
    """The mean squared difference to the first quarter of the tile in the image's middle, computed as a tile itself."""
    rows, columns = ((start := side // 2 // tile * tile, min(start + _half(tile), side)) for side in lr.shape[-2:])
    again = on_rectangle(forward, lr, scale, rows, columns, overlap)
    known = sr[..., rows[0] * scale : rows[1] * scale, columns[0] * scale : columns[1] * scale]
    return float((again - known).square().mean())
