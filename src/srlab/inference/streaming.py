"""Images that pass by from top to bottom: bands of rows in, bands of rows out, and only a window of them in memory."""

import warnings
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from srlab.errors import SrlabError
from srlab.imaging.resize_rows import resize_columns, resize_rows, rows_behind
from srlab.inference.memory import is_out_of_memory
from srlab.inference.tile_plan import SMALLEST, Tiles
from srlab.inference.tiling import on_rectangle

READ = 64  # rows that are read at once
SHRUNKEN = 128  # rows that are made at once where an image is shrunken


class Window:
    """The rows of an image that are still needed, of an image that comes in bands from top to bottom.

    Args:
        bands: (N, C, rows, width) each.
    """

    def __init__(self, bands: Iterator[Tensor]) -> None:
        self._coming = bands
        self._held: list[Tensor] = []
        self._top = self._bottom = 0

    def rows(self, top: int, bottom: int) -> Tensor:
        """Returns rows from `top` up to `bottom`, and forgets those above `top`."""
        while self._held and self._top < top:
            forgotten = min(top - self._top, self._held[0].shape[2])
            self._top += forgotten
            rest = self._held.pop(0)[:, :, forgotten:]
            if rest.shape[2]:
                self._held.insert(0, rest)
                break
        while self._bottom < bottom:
            band = next(self._coming)
            if self._bottom + band.shape[2] > top:
                if not self._held:
                    self._top = self._bottom
                self._held.append(band)
            self._bottom += band.shape[2]
        if len(self._held) > 1:
            self._held = [torch.cat(self._held, dim=2)]
        return self._held[0][:, :, top - self._top : bottom - self._top]


def resized(window: Window, before: tuple[int, int], after: tuple[int, int]) -> Iterator[Tensor]:
    """Resizes an image to a size, as `srlab.imaging.resize.imresize_to` does with the whole of it.

    Args:
        window: of the image.
        before: (height, width) of the image.
        after: (height, width) of the result.

    Yields:
        (N, C, rows, after[1]), not clipped.
    """
    for top in range(0, after[0], SHRUNKEN):
        bottom = min(top + SHRUNKEN, after[0])
        first, last = rows_behind(before[0], after[0], top, bottom)
        yield resize_columns(resize_rows(window.rows(first, last), first, before[0], after[0], top, bottom), after[1])


class TiledNetwork:
    """A network that is applied tile after tile, and to smaller tiles where memory did not suffice.

    Args:
        enlarge: (N, C, h, w) -> (N, C, scale * h, scale * w).
        scale: of `enlarge`.
        label: of the network, for messages.
        multiple: at which tiles start.
    """

    def __init__(self, enlarge: Callable[[Tensor], Tensor], scale: int, label: str, multiple: int = 1) -> None:
        self.enlarge, self.scale, self.label, self.multiple = enlarge, scale, label, multiple
        self.longest: int | None = None  # of a tile's sides, since memory did not suffice

    def bands(
        self,
        window: Window,
        height: int,
        tiles: Tiles,
        on_tile: Callable[[int], None],
        checked: Callable[[Callable[[Tensor], Tensor], Tensor, Tensor, tuple[int, int], tuple[int, int]], None] | None,
    ) -> Iterator[Tensor]:
        """Enlarges an image.

        Args:
            window: of the LR image.
            height: of the LR image.
            tiles: where it is cut.
            on_tile: called after every tile with its LR pixels.
            checked: called once with the function, its input, a tile's result, and where in the input that tile is.

        Yields:
            (N, C, scale * rows, scale * width), one row of tiles each.
        """
        for top, bottom in tiles.rows:
            first, last = max(0, top - tiles.overlap), min(height, bottom + tiles.overlap)
            lr = window.rows(first, last)
            band = lr.new_empty((*lr.shape[:2], (bottom - top) * self.scale, lr.shape[3] * self.scale))
            rows = (top - first, bottom - first)
            for left, right in tiles.columns:
                piece = self._rectangle(lr, rows, (left, right), tiles.overlap)
                band[..., left * self.scale : right * self.scale] = piece
                if checked is not None and left <= lr.shape[3] // 2 < right:
                    checked(self.enlarge, lr, piece, rows, (left, right))
                    checked = None
                on_tile(lr.shape[0] * (bottom - top) * (right - left))
            yield band

    def _rectangle(self, lr: Tensor, rows: tuple[int, int], columns: tuple[int, int], overlap: int) -> Tensor:
        sides = (rows[1] - rows[0], columns[1] - columns[0])
        if self.longest is not None and max(sides) > self.longest:
            return self._in_parts(lr, rows, columns, overlap)
        try:
            return on_rectangle(self.enlarge, lr, self.scale, rows, columns, overlap)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            problem = str(error).strip().split("\n")[0] or type(error).__name__
        # Outside of `except`, where the traceback held the tensors of the network that failed.
        if max(sides) <= max(SMALLEST, self.multiple):
            raise SrlabError(
                f"{self.label}: the memory does not suffice even for tiles of {max(sides)} pixels: {problem}"
            )
        if self.longest is None:
            warnings.warn(
                f"{self.label}: the memory does not suffice for tiles of {max(sides)} LR pixels, and smaller ones are "
                f"used. tile={max(sides) // 2} does so from the start.",
                stacklevel=2,
            )
        self.longest = max(max(sides) // 2, SMALLEST, self.multiple)
        if lr.device.type == "cuda" or torch.cuda.is_initialized():
            torch.cuda.empty_cache()
        return self._in_parts(lr, rows, columns, overlap)

    def _in_parts(self, lr: Tensor, rows: tuple[int, int], columns: tuple[int, int], overlap: int) -> Tensor:
        """The rectangle, of smaller ones that do not exceed the longest side."""
        assert self.longest is not None
        step = max(self.multiple, self.longest // self.multiple * self.multiple)
        scale = self.scale
        shape = (*lr.shape[:2], (rows[1] - rows[0]) * scale, (columns[1] - columns[0]) * scale)
        result = lr.new_empty(shape)
        for top in range(rows[0], rows[1], step):
            for left in range(columns[0], columns[1], step):
                bottom, right = min(top + step, rows[1]), min(left + step, columns[1])
                y, x = (top - rows[0]) * scale, (left - columns[0]) * scale
                piece = self._rectangle(lr, (top, bottom), (left, right), overlap)
                result[..., y : y + piece.shape[-2], x : x + piece.shape[-1]] = piece
        return result
