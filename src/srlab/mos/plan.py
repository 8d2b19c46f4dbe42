"""What each rater sees, and in which order: a pure function of the seed.

A session is that of the SRGAN paper (Ledig et al. 2017, section 3.3): calibration first, then every version of every
image in random order. Where a rater sees only some of them, these are balanced over methods. Some images come twice,
far apart and unannounced, to measure how well raters agree with themselves.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from srlab.mos.study import Kind

Thing = TypeVar("Thing")
GAP = 1 / 3  # of a session: the least distance between an image and its repeat


@dataclass(frozen=True)
class Candidate:
    """An image by a method. name: of its file. image: what it shows, which is the same for every method."""

    name: str
    method: str
    image: str


def plans(
    calibration: Sequence[str], candidates: Sequence[Candidate], raters: int, per_rater: int, repeats: int, seed: int
) -> list[list[tuple[str, Kind]]]:
    """Plans every rater's session.

    Within a session, the numbers of images of two methods differ by at most one. So do, over all sessions, those of two
    methods, and those of two images of one method, as far as there are enough images.

    Args:
        calibration: names of the images that each session begins with.
        candidates: what is to be rated.
        raters: how many sessions.
        per_rater: how many different candidates each rater sees; at most all.
        repeats: how many of these come twice, balanced over methods too.
        seed: of everything that is random.

    Returns:
        For each rater the names to show, in order, and what each is for.
    """
    generator = np.random.default_rng([seed, 0])
    shown: Counter[str] = Counter()
    result = []
    for _ in range(raters):
        chosen = _balanced(candidates, per_rater, shown, generator)
        shown.update(name for candidate in chosen for name in (candidate.name, f"method {candidate.method}"))
        first: list[tuple[str, Kind]] = [(name, "calibration") for name in _shuffled(calibration, generator)]
        result.append(first + _with_repeats(_shuffled(chosen, generator), repeats, generator))
    return result


def _balanced(
    candidates: Sequence[Candidate], count: int, shown: Counter[str], generator: np.random.Generator
) -> list[Candidate]:
    """Picks `count` candidates, each of the method, and then the image, shown least so far; chance breaks ties."""
    if count == len(candidates):
        return list(candidates)
    left: dict[str, list[Candidate]] = {}
    for candidate in _shuffled(candidates, generator):
        left.setdefault(candidate.method, []).append(candidate)
    methods, images = Counter[str](), Counter[str]()
    chosen: list[Candidate] = []
    while len(chosen) < count:
        method = min((m for m in left if left[m]), key=lambda m: (methods[m], shown[f"method {m}"]))
        candidate = min(left[method], key=lambda c: (shown[c.name], images[c.image]))
        left[method].remove(candidate)
        methods[method] += 1
        images[candidate.image] += 1
        chosen.append(candidate)
    return chosen


def _with_repeats(order: list[Candidate], repeats: int, generator: np.random.Generator) -> list[tuple[str, Kind]]:
    """Returns the order with some of its early images a second time, each at least GAP of the session later."""
    gap = len(order) * GAP
    early = [(place, candidate) for place, candidate in enumerate(order) if place + gap < len(order)]
    methods = Counter[str]()
    places: list[tuple[float, str, Kind]] = [(place, candidate.name, "test") for place, candidate in enumerate(order)]
    for _ in range(min(repeats, len(early))):
        place, candidate = min(_shuffled(early, generator), key=lambda entry: methods[entry[1].method])
        early.remove((place, candidate))
        methods[candidate.method] += 1
        places.append((generator.uniform(place + gap, len(order)), candidate.name, "repeat"))
    return [(name, kind) for _, name, kind in sorted(places)]


def _shuffled(things: Sequence[Thing], generator: np.random.Generator) -> list[Thing]:
    return [things[i] for i in generator.permutation(len(things))]


def opaque_names(count: int, seed: int, stream: int) -> list[str]:
    """Returns `count` different names of 12 hexadecimal digits, which tell nothing about what they name."""
    generator = np.random.default_rng([seed, stream])
    names: dict[str, None] = {}
    while len(names) < count:
        names[generator.bytes(6).hex()] = None
    return list(names)
