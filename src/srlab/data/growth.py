"""Curriculum learning: larger scales join a training later (ProSR, arXiv:1804.02900, section 3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from srlab.errors import SrlabError


@dataclass(frozen=True)
class Growth:
    """When each scale joins the training, as a pure function of the step; steps are counted in batches.

    Attributes:
        windows: scale -> (the step at which it joins, the step from which on it is there in full). A scale without a
            window is there from the start.
    """

    windows: Mapping[int, tuple[int, int]] = field(default_factory=dict)

    def joined(self, scales: Sequence[int], step: int) -> list[int]:
        """Returns those of some scales that are trained at a step, in their order."""
        return [scale for scale in scales if self.windows.get(scale, (0, 0))[0] <= step]

    def blend(self, scale: int, step: int) -> float:
        """Returns how far a scale is blended in: 0 where it joins, rising to 1, where it is there in full."""
        first, full = self.windows.get(scale, (0, 0))
        return 1.0 if step >= full else max(0.0, (step - first) / (full - first))


def growth_of(shares: Mapping[int, Sequence[float]] | None, scales: Sequence[int], batches: int) -> Growth:
    """Turns shares of a training into steps.

    Args:
        shares: scale -> the share of the training after which it joins, and after which it is there in full, as
            data.growth gives them; None: all scales are there from the start.
        scales: those that are trained. The smallest one is always there from the start.
        batches: of the whole training.

    Raises:
        SrlabError: something else than two rising shares.
    """
    for scale, share in (shares or {}).items():
        if len(share) != 2 or not 0 <= share[0] <= share[1] <= 1:
            raise SrlabError(f"data.growth: {scale}: {list(share)}: expected two rising shares, such as [0.12,0.25].")
    later = sorted(scales)[1:]
    first_and_full = {scale: share for scale, share in (shares or {}).items() if scale in later}
    return Growth({scale: (round(a * batches), round(b * batches)) for scale, (a, b) in first_and_full.items()})
