"""The size of a result, from what a user writes, and the passes through a network that reach it."""

import math
import re
from collections.abc import Sequence

from srlab.errors import SrlabError

LONGEST = 2**20  # pixels of a side; more is a slip of the keyboard
EXACT = 1e-9  # by which a scale may miss a size for reasons of rounding


def output_size(wanted: str, height: int, width: int) -> tuple[int, int]:
    """Returns the (height, width) that a user asks for.

    Args:
        wanted: a factor of both sides, such as 4 or 2.7; or WIDTHxHEIGHT in pixels, as screens and cameras have it,
            such as 3840x2160. With one of the two left out (3840x or x2160), the image keeps its proportions.
        height: of the image that is to be enlarged.
        width: see `height`.

    Raises:
        SrlabError: it is neither, or asks for no pixels, or for too many.
    """
    text = wanted.strip().lower().replace("×", "x")
    if match := re.fullmatch(r"(\d*)x(\d*)", text):
        across, down = (int(number) if number else None for number in match.groups())
        if across is None and down is not None:
            across = max(1, round(width * down / height))
        elif down is None and across is not None:
            down = max(1, round(height * across / width))
    else:
        factor = _factor(text)
        across, down = (None, None) if factor is None else (max(1, round(factor * side)) for side in (width, height))
    if across is None or down is None:
        raise SrlabError(f"{wanted}: expected a factor such as 2.7, or WIDTHxHEIGHT in pixels such as 3840x2160.")
    if not (0 < across <= LONGEST and 0 < down <= LONGEST):
        raise SrlabError(f"{wanted}: asks for {across}x{down} pixels; expected sides from 1 to {LONGEST}.")
    return down, across


def _factor(text: str) -> float | None:
    try:
        factor = float(text)
    except ValueError:
        return None
    return factor if math.isfinite(factor) and factor > 0 else None


def passes(scales: Sequence[int] | None, height: int, width: int, to_height: int, to_width: int) -> tuple[int, ...]:
    """Returns the scales by which a network enlarges, one after the other, before the result is shrunken to its size.

    One pass by the smallest scale that reaches the size, where the network has one. If not, its largest scale comes
    first, as often as needed: x8 of a network of x4 is x4 and x4, shrunken by half. An image that need not grow takes
    no pass, and bicubic alone makes it smaller.

    Args:
        scales: of the network; None: any integer.
        height: of the image.
        width: see `height`.
        to_height: of the result.
        to_width: see `to_height`.
    """
    needed = max(to_height / height, to_width / width)
    chosen: list[int] = []
    while needed > 1 + EXACT:
        if scales is None:
            return (*chosen, math.ceil(needed - EXACT))
        growing = sorted(scale for scale in scales if scale > 1)
        if not growing:
            raise SrlabError(f"the network has x{max(scales)} alone, and the result is {needed:g} times as large.")
        scale = next((scale for scale in growing if scale >= needed - EXACT), growing[-1])
        chosen.append(scale)
        needed /= scale
    return tuple(chosen)
