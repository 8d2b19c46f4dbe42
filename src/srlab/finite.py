"""The rule for values of metrics that are not finite: in means, in what is best, in tables, JSON and figures.

The PSNR of an image that equals its reference is infinite. It is a right value of that image, and has no place in a
mean, which it alone would decide. NaN is a fault, and is not hidden.

- A mean is that of the finite values. How many are infinite stands beside it; where all are, so is the mean. With a
  NaN among them the mean is NaN.
- Two validations, or two methods, are compared over the images that are finite on both sides.
- NaN is never better than anything, and nothing is chosen for being infinite.
- A difference of values that are not both finite is none.
- In JSON, which has neither, infinity is null and NaN is "nan". A metric that was not measured has no key.
- Figures have finite points only, and a note names the others.

No metric has negative infinity; it counts as NaN.
"""

import math
from collections.abc import Iterable, Sequence

from srlab.plain_schema import Mismatch, number

NAN = "nan"  # in JSON


def is_finite(*values: float) -> bool:
    """Tells whether all values are finite."""
    return all(map(math.isfinite, values))


def is_fault(value: float) -> bool:
    """Tells whether a value is NaN, or negative infinity."""
    return math.isnan(value) or value == -math.inf


def infinite(values: Iterable[float]) -> int:
    """Counts the infinite values."""
    return sum(value == math.inf for value in values)


def mean(values: Iterable[float]) -> float:
    """Returns the mean of the finite values; infinity where all are infinite, NaN with a NaN among them, or without any
    value.
    """
    values = list(values)
    if not values or any(map(is_fault, values)):
        return math.nan
    kept = [value for value in values if is_finite(value)]
    return sum(kept) / len(kept) if kept else math.inf


def difference(ours: float, theirs: float) -> float | None:
    """Returns ours minus theirs; None where one of them is not finite."""
    return ours - theirs if is_finite(ours, theirs) else None


def or_none(value: float | None) -> float | None:
    """Returns a value for a place that takes finite numbers and gaps only: None for all others."""
    return value if value is not None and is_finite(value) else None


def note(title: str, values: Sequence[float]) -> str:
    """Says what stands beside a mean; '' where all values are finite.

    Args:
        title: of the metric.
        values: of all images.
    """
    count, faults, images = infinite(values), sum(map(is_fault, values)), f"{len(values)} images"
    parts = [f"not a number for {faults} of {images}"] if faults else []
    if count == len(values) > 0:
        parts.append(f"infinite for all {images}" if count > 1 else "infinite")
    elif count:
        parts.append(f"infinite for {count} of {images}" + ("" if faults else ", which the mean leaves out"))
    return f"{title}: {', '.join(parts)}" if parts else ""


def not_drawn(names: Iterable[str]) -> str:
    """Returns the note of a figure; '' where everything is drawn.

    Args:
        names: of what has no finite place in it; each is said once, the first six of them.
    """
    different = list(dict.fromkeys(names))
    more = f" and {len(different) - 6} more" if len(different) > 6 else ""
    return f"not drawn, since infinite or not a number: {', '.join(different[:6])}{more}" if different else ""


def to_json(value: float) -> float | str | None:
    """Returns a value as JSON files have it."""
    if is_finite(value):
        return value
    return NAN if is_fault(value) else None


def from_json(value: float | str | None) -> float:
    """Returns the value that `to_json` has written."""
    return math.inf if value is None else float(value)


def in_json(value: object) -> None:
    """A finite number, null (infinite) or "nan"; a kind of `srlab.plain_schema`."""
    if value is None or value == NAN:
        return
    try:
        number(value)
    except Mismatch:
        raise Mismatch('a finite number, null (infinite) or "nan"', value) from None
