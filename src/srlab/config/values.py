"""Values of options that hold one thing or several."""

from typing import Any

from srlab.errors import SrlabError


def as_list(value: Any) -> list[Any]:
    """Returns a list of one value or several: of 2, [2, 3] or, for nothing, None."""
    return list(value) if isinstance(value, (list, tuple)) else [] if value is None else [value]


def as_scales(value: Any) -> list[int]:
    """Returns the scales of `scale=`, sorted, each once.

    Raises:
        SrlabError: one of them is not an integer of at least 1.
    """
    scales = as_list(value)
    for scale in scales:
        if type(scale) is not int or scale < 1:
            raise SrlabError(f"scale={value}: expected an integer such as 2, or a list such as [2,3,4].")
    return sorted(set(scales))
