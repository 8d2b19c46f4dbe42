"""Into which tiles an image is cut: as few and as large ones as the memory allows, of about one size."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

from srlab.inference.memory import GIB, LIBRARIES, free_bytes, peak_bytes
from srlab.networks.network import SRNetwork

BLIND_OVERLAP = 32  # LR pixels around a tile where the network sees everywhere and no overlap is exact
CHROMA_OVERLAP = 3  # LR pixels that bicubic sees, by which the colours of luma networks are enlarged
WHOLE = 128 * 128  # LR pixels that no network needs tiles for
USUAL = 256 * 256  # LR pixels, with overlaps, below which smaller tiles are not faster
SMALLEST = 16  # side of a tile in LR pixels, without its overlap
MEASURED = (24, 48)  # sides of the images on which a network's memory is measured

# Of the free memory, what tiles may take. A GPU is there for them alone; a machine has other programs.
SHARE = {"cpu": 0.5, "mps": 0.5, "cuda": 0.7}
LARGEST = 4 * GIB  # on a CPU; beyond that, larger tiles save little
ENOUGH = 1.3  # on a CPU, tiles are no larger than what keeps the work with overlaps below this times the work without
ROWS_SHARE = 0.25  # of the tiles' memory, at most, for a row of finished tiles,
ROWS_LARGEST = 192 * 2**20  # and no more bytes than these
BYTES = 4  # of a float32


@dataclass(frozen=True)
class Tiles:
    """Where an image is cut, in LR pixels.

    Attributes:
        rows: (from, to) of every row of tiles, from top to bottom.
        columns: likewise, from left to right.
        overlap: by which a tile is extended on every side before the network sees it, as far as the image goes.
    """

    rows: tuple[tuple[int, int], ...]
    columns: tuple[tuple[int, int], ...]
    overlap: int

    @property
    def side(self) -> int:
        """The longest side of a tile without its overlap."""
        return max(to - start for start, to in (*self.rows, *self.columns))


def overlap_of(network: SRNetwork) -> int:
    """Returns the overlap, in LR pixels, with which tiles give what the whole image gives."""
    field = network.traits.receptive_field
    needed = BLIND_OVERLAP if field is None else max(field, CHROMA_OVERLAP)
    return _rounded_up(needed, network.traits.size_multiple)


def cut(height: int, width: int, rows: int, columns: int, overlap: int, multiple: int = 1) -> Tiles:
    """Cuts an image into so many rows and columns, or fewer, of about equal size.

    Args:
        height: of the image, in LR pixels.
        width: see `height`.
        rows: of tiles.
        columns: of tiles.
        overlap: see `Tiles`.
        multiple: tiles start at multiples of it.
    """

    def parts(side: int, number: int) -> tuple[tuple[int, int], ...]:
        step = _rounded_up(math.ceil(side / number), multiple)
        return tuple((start, min(start + step, side)) for start in range(0, side, step))

    return Tiles(parts(height, rows), parts(width, columns), overlap)


def of_side(height: int, width: int, side: int | None, network: SRNetwork) -> Tiles:
    """Cuts an image into squares of a given side, the last ones smaller; None: the whole image."""
    multiple = network.traits.size_multiple
    step = max(height, width) if side is None else _rounded_up(side, multiple)

    def parts(length: int) -> tuple[tuple[int, int], ...]:
        return tuple((start, min(start + step, length)) for start in range(0, length, step))

    return Tiles(parts(height), parts(width), overlap_of(network))


def fitting(
    network: SRNetwork, scale: int, samples: int, channels: int, height: int, width: int, device: torch.device,
    limit: int | None = None,
) -> Tiles:  # fmt: skip
    """Cuts an image into the tiles that fit into the free memory, with the least work for their overlaps.

    Args:
        network: on the device.
        scale: one of its scales.
        samples: images in the batch.
        channels: of the image.
        height: of the image, in LR pixels.
        width: see `height`.
        device: that the network runs on.
        limit: bytes that tiles may take at most; None: a share of what is free.
    """
    overlap, blind = overlap_of(network), network.traits.receptive_field is None
    multiple = network.traits.size_multiple
    if samples * height * width <= WHOLE and not blind and limit is None:
        return cut(height, width, 1, 1, overlap, multiple)
    budget = int(SHARE[device.type] * free_bytes(device))
    if device.type == "cpu" and not blind:
        budget = min(budget, LARGEST)
    budget = budget if limit is None else min(budget, limit)
    row_bytes = BYTES * samples * channels * width * scale**2  # of a finished row of LR pixels
    tallest = max(1, min(int(ROWS_SHARE * budget), ROWS_LARGEST) // row_bytes)

    def peak(area: int) -> float:
        side = max(1, math.isqrt(area))
        return LIBRARIES * peak_bytes(network, scale, samples, channels, side, side, simulated=True)

    area = (
        _simulated_area(peak, height * width, budget)
        if blind
        else _linear_area(network, scale, samples, channels, budget)
    )
    if device.type == "cpu" and not blind:
        area = min(area, _enough(overlap))
    return _least_work(height, width, area, tallest, overlap, multiple)


def _linear_area(network: SRNetwork, scale: int, samples: int, channels: int, budget: int) -> int:
    """How many LR pixels fit, where the memory grows with them: what two small images take tells for all sizes."""
    (small, low), (large, high) = (
        (side * side, LIBRARIES * peak_bytes(network, scale, samples, channels, side, side)) for side in MEASURED
    )
    per_pixel = max((high - low) / (large - small), high / large / 2)
    return max(1, int((budget - max(0, high - per_pixel * large)) / per_pixel))


def _simulated_area(peak: Callable[[int], float], whole: int, budget: int) -> int:
    """How many LR pixels fit, where attention can make the memory grow faster than they do."""
    area = whole
    while area > MEASURED[0] ** 2 and (bytes_ := peak(area)) > budget:
        area = int(area * max(0.25, min(0.9, math.sqrt(budget / bytes_))))
    return area


def _enough(overlap: int) -> int:
    """LR pixels of a square tile, with its overlaps, that does `ENOUGH` times the work of its own pixels."""
    inner = 2 * overlap / (math.sqrt(ENOUGH) - 1)
    return max(USUAL, int((inner + 2 * overlap) ** 2))


def _least_work(height: int, width: int, area: int, tallest: int, overlap: int, multiple: int) -> Tiles:
    """Of the numbers of rows and columns whose tiles have at most `area` pixels with overlaps, the cheapest."""
    best: tuple[int, int, int] | None = None
    for columns in range(1, max(2, math.ceil(width / max(1, multiple)) + 1)):
        across = min(width, _rounded_up(math.ceil(width / columns), multiple) + 2 * overlap * (columns > 1))
        down = area // across - 2 * overlap
        if area // across >= height and tallest >= height:
            rows = 1
        elif min(down, tallest) >= multiple:
            rows = math.ceil(height / (min(down, tallest) // multiple * multiple))
        else:
            continue
        work = (height + 2 * overlap * (rows - 1)) * (width + 2 * overlap * (columns - 1))
        if best is None or work < best[0]:
            best = (work, rows, columns)
    if best is None:  # not even the smallest tile fits: what happens then, the engine sees
        return cut(height, width, height, width, overlap, _rounded_up(SMALLEST, multiple))
    return cut(height, width, best[1], best[2], overlap, multiple)


def _rounded_up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple
