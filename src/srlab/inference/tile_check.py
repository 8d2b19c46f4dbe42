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
            rows, columns = (
                (start := side // 2 // tile * tile, min(start + tile, side)) for side in lr.shape[-2:]
            )  # the tile in the middle
            made = sr[..., rows[0] * scale : rows[1] * scale, columns[0] * scale : columns[1] * scale]
            warn_where_tiles_differ(forward, lr, made, scale, tile, rows, columns, overlap, label)
        return sr

    return checked_tiles


def warn_where_tiles_differ(
    forward: Callable[[Tensor], Tensor],
    lr: Tensor,
    made: Tensor,
    scale: int,
    tile: int,
    rows: tuple[int, int],
    columns: tuple[int, int],
    overlap: int,
    label: str,
) -> None:
    """Computes the first quarter of a tile as a tile itself, and warns once for each label where that is another image.

    Args:
        forward: as for `tiled`; so are scale, tile and overlap.
        lr: what the tile was computed from.
        made: the tile's result.
        scale: see `forward`.
        tile: see `forward`.
        rows: where in `lr` the tile is: from, to.
        columns: see `rows`.
        overlap: see `forward`.
        label: of the network, for the message.
    """
    if label in _warned:
        return
    half = max(1, tile // 2)
    rows, columns = ((start, min(start + half, end)) for start, end in (rows, columns))
    again = on_rectangle(forward, lr, scale, rows, columns, overlap)
    change = float((again - made[..., : again.shape[-2], : again.shape[-1]]).square().mean())
    if change > LARGEST:
        _warned.add(label)
        warnings.warn(
            f"tile={tile}: {label} looks at the whole image, and tiles can change its result by more than 0.01 dB: "
            f"those of {tile} and of {half} LR pixels differ by {255 * change**0.5:.2f} of 255. Larger tiles change it "
            f"less, and whole images (tile=null) are what it is measured on.",
            stacklevel=2,
        )
