"""The numbers of a validation: means over images and scales, and the best validation so far."""

from collections.abc import Mapping, Sequence
from typing import Any

from srlab import finite
from srlab.metrics.metric import Quality

Where = tuple[str, int]  # an image's name, scale


def validation_means(qualities: Mapping[Where, Quality], names: Sequence[str]) -> dict[str, float]:
    """Averages what was measured over images, and over scales where there are several, by the rule of `srlab.finite`.

    Args:
        qualities: (an image's name, scale) -> what was measured of it.
        names: of the metrics.

    Returns:
        val/NAME, and val/NAME_xS for each scale where there are several; val/NAME_left_out, the number of infinite
        values, where there are any; nothing without images.
    """
    found: dict[str, float] = {}
    for name in names if qualities else []:
        values = values_of(qualities, name)
        means = _means_of_scales(values)
        if len(means) > 1:
            found |= {f"val/{name}_x{scale}": value for scale, value in means.items()}
        found[f"val/{name}"] = finite.mean(means.values())
        if left_out := finite.infinite(values.values()):
            found[f"val/{name}_left_out"] = float(left_out)
    return found


def values_of(qualities: Mapping[Where, Quality], name: str) -> dict[Where, float]:
    """Returns the values of one metric; none where it was not measured."""
    return {where: quality[name] for where, quality in qualities.items() if name in quality}


def _means_of_scales(values: Mapping[Where, float]) -> dict[int, float]:
    scales = sorted({scale for _, scale in values})
    return {scale: finite.mean(value for (_, of), value in values.items() if of == scale) for scale in scales}


class BestValidation:
    """The best validation so far by one metric.

    Two validations are compared over the images that are finite in both. So a picture that one of them has reproduced
    exactly decides nothing, neither by its infinite PSNR nor by missing from one of two means. Where nothing can be
    compared, the later validation is the better one. NaN is never taken.

    Args:
        lower: whether lower values are better.

    Attributes:
        score: the mean of the best one; NaN before the first.
    """

    def __init__(self, lower: bool = False) -> None:
        self.lower = lower
        self.score = float("nan")
        self._values: dict[Where, float] = {}

    def takes(self, score: float, values: Mapping[Where, float]) -> bool:
        """Takes a validation if it is better, and tells whether it is.

        Args:
            score: its mean.
            values: by image and scale, which the mean is of; empty where the score is of no images.
        """
        better = self._is_worse_than(score, values)
        if better:
            self.score, self._values = score, dict(values)
        return better

    def _is_worse_than(self, score: float, values: Mapping[Where, float]) -> bool:
        if finite.is_fault(score) or finite.is_fault(self.score):
            return not finite.is_fault(score)
        ours, theirs = self.score, score
        shared = [where for where in self._values if where in values]
        if shared:
            both = [where for where in shared if finite.is_finite(self._values[where], values[where])]
            ours, theirs = (
                finite.mean(_means_of_scales({where: one[where] for where in both}).values())
                for one in (self._values, values)
            )
        if not finite.is_finite(ours, theirs):
            return True
        return theirs < ours if self.lower else theirs > ours

    def state(self) -> dict[str, Any]:
        """Returns plain values for a checkpoint."""
        return {"score": self.score, "values": [[*where, value] for where, value in self._values.items()]}

    def load(self, state: Mapping[str, Any]) -> None:
        """Takes what `state` has returned; "values" may be missing, as in checkpoints of earlier versions."""
        self.score = float(state["score"])
        self._values = {(name, scale): value for name, scale, value in state.get("values", [])}
