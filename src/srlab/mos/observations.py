"""Ratings together with what was rated, and as arrays for the analysis."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from srlab.errors import SrlabError
from srlab.mos.ratings import Rating
from srlab.mos.study import Item, Kind, Study

Place = tuple[str, int]  # a set and a scale


@dataclass(frozen=True)
class Observation:
    """One rating, from 1 to 5."""

    rater: int
    kind: Kind
    item: Item
    rating: int
    time: str = ""


@dataclass(frozen=True)
class Observations:
    """All ratings of a study, in the order in which they came. methods: in the order of tables."""

    methods: tuple[str, ...]
    all: tuple[Observation, ...]

    @cached_property
    def raters(self) -> list[int]:
        """Numbers of those who rated at least one image of the test."""
        return sorted({one.rater for one in self.test})

    @cached_property
    def test(self) -> list[Observation]:
        """Ratings of first showings, of which scores are made. Calibration and repeats measure the raters only."""
        return [one for one in self.all if one.kind == "test"]

    @cached_property
    def items(self) -> list[Item]:
        """The rated images of the test, sorted by set, scale, method (in the order of tables) and image."""
        places = {place: i for i, place in enumerate(self.places)}
        images = {image: i for i, image in enumerate(sorted({one.item.image for one in self.test}))}
        return sorted(
            {one.item for one in self.test},
            key=lambda item: (places[item.set, item.scale], self.methods.index(item.method), images[item.image]),
        )

    @cached_property
    def places(self) -> list[Place]:
        return sorted({(one.item.set, one.item.scale) for one in self.test})

    def matrix(self, items: Sequence[Item], raters: Sequence[int]) -> np.ndarray:
        """Returns (raters, items), float: the ratings of the test, NaN where there is none."""
        rows, columns = ({one: i for i, one in enumerate(things)} for things in (raters, items))
        result = np.full((len(raters), len(items)), math.nan)
        for one in self.test:
            if one.item in columns and one.rater in rows:
                result[rows[one.rater], columns[one.item]] = one.rating
        return result

    def items_of(self, place: Place, method: str) -> list[Item]:
        return [item for item in self.items if (item.set, item.scale) == place and item.method == method]

    def methods_of(self, place: Place) -> list[str]:
        there = {item.method for item in self.items if (item.set, item.scale) == place}
        return [method for method in self.methods if method in there]


def observations(study: Study, ratings: Iterable[Rating]) -> Observations:
    """Joins ratings with a study's plan. Raises SrlabError for a rating that is not in the plan."""
    raters = {rater.number: rater for rater in study.raters}
    result = []
    for one in ratings:
        rater = raters.get(one.rater)
        if rater is None or one.trial not in rater.by_id:
            raise SrlabError(f"{study.folder}: the rating of {one.trial} by rater {one.rater} is not in the plan.")
        trial = rater.by_id[one.trial]
        result.append(Observation(one.rater, trial.kind, study.items[trial.item], one.rating, one.time))
    return Observations(study.methods, tuple(result))
