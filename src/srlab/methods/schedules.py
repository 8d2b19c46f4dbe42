"""Learning-rate schedules, as pure functions of the step."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from srlab.errors import SrlabError, nearest


def _paper(schedule: Mapping[str, Any], max_steps: int) -> Callable[[int], float]:
    milestones, gamma = schedule["milestones"], schedule["gamma"]
    return lambda step: gamma ** sum(step >= milestone for milestone in milestones)


def _cosine(schedule: Mapping[str, Any], max_steps: int) -> Callable[[int], float]:
    """Half a cosine from 1 to `final` (Loshchilov and Hutter 2017, equation 5, without restarts)."""
    final = schedule["final"]
    return lambda step: final + (1 - final) * (1 + math.cos(math.pi * min(1.0, step / max_steps))) / 2


def _onecycle(schedule: Mapping[str, Any], max_steps: int) -> Callable[[int], float]:
    """Half a cosine from 1/25 up to 1 in the first `warmup` of the steps, then down to `final` (Smith, Topin 2018)."""
    rise, final, start = max(1.0, schedule["warmup"] * max_steps), schedule["final"], 1 / 25

    def multiplier(step: int) -> float:
        if step < rise:
            return start + (1 - start) * (1 - math.cos(math.pi * step / rise)) / 2
        progress = min(1.0, (step - rise) / max(1.0, max_steps - rise))
        return final + (1 - final) * (1 + math.cos(math.pi * progress)) / 2

    return multiplier


SCHEDULES = {"paper": _paper, "cosine": _cosine, "onecycle": _onecycle}


def multiplier(schedule: Mapping[str, Any], max_steps: int) -> Callable[[int], float]:
    """Returns a function of the step: the factor on the learning rate.

    Args:
        schedule: "name" is paper, cosine or onecycle. paper multiplies by "gamma" at each of "milestones". cosine and
            onecycle end at the factor "final"; onecycle rises during the share "warmup" of the steps.
        max_steps: the number of steps of the whole training.

    Raises:
        SrlabError: an unknown name.
    """
    name = schedule["name"]
    if name not in SCHEDULES:
        raise SrlabError(f"schedule={name}: expected one of {', '.join(SCHEDULES)}.{nearest(name, SCHEDULES)}")
    return SCHEDULES[name](schedule, max_steps)
