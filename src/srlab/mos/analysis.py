"""From the ratings of a study to everything that its report prints: scores, raters, comparisons, test and retest."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from srlab.finite import from_json
from srlab.mos.observations import Observations, Place
from srlab.mos.paper import published_mos
from srlab.mos.scores import MethodComparison, OpinionScore, compare, mean_opinion_score
from srlab.mos.screening import Retest, Screening, calibration_error, failed_calibration, retest, retest_pairs, screen


@dataclass(frozen=True)
class MethodScore:
    """One method on one set at one scale.

    score: of all raters. screened: without the raters who failed calibration or were rejected; None where there are
    none. corrected: without the raters' biases, weighted by their consistency (P.910). shares: of the ratings 1 to 5.
    psnr (dB), ssim, lpips: means in results.json under the study's protocol; None where it lacks them. published: the
    SRGAN paper's MOS, or None. left_out: how many images of infinite PSNR its mean leaves out.
    """

    place: Place
    method: str
    score: OpinionScore
    screened: OpinionScore | None
    corrected: float | None
    shares: tuple[float, ...]
    psnr: float | None
    ssim: float | None
    lpips: float | None
    published: float | None
    left_out: int = 0


@dataclass(frozen=True)
class RaterReport:
    """One rater.

    rated, planned: trials. calibration: the mean distance from what the page said to give, in grades. failed: whether
    that is too far. rejected: by BT.500. bias, inconsistency: in grades, by P.910. retest: of this rater's repeats. All
    of them are None where there are too few ratings.
    """

    number: int
    rated: int
    planned: int
    calibration: float | None
    failed: bool
    rejected: bool | None
    bias: float | None
    inconsistency: float | None
    retest: Retest | None

    @property
    def out(self) -> bool:
        """Whether screened scores leave this rater out."""
        return self.failed or bool(self.rejected)


@dataclass(frozen=True)
class Analysis:
    """Everything that the report prints. comparisons: of every pair of methods, by set and scale."""

    observations: Observations
    scores: list[MethodScore]
    raters: list[RaterReport]
    comparisons: dict[Place, list[MethodComparison]]
    retest: Retest | None

    @property
    def places(self) -> list[Place]:
        return list(self.comparisons)

    def scores_of(self, place: Place) -> list[MethodScore]:
        return [score for score in self.scores if score.place == place]


def analyse(observations: Observations, planned: dict[int, int], results: Sequence[dict[str, Any]] = ()) -> Analysis:
    """Analyses a study's ratings.

    Args:
        observations: all ratings.
        planned: by rater, how many trials the plan has.
        results: rows of results.json, whose PSNR, SSIM and LPIPS are to stand beside the scores.
    """
    everything = observations.matrix(observations.items, observations.raters)
    screening = screen(everything, observations.raters)
    raters = _raters(observations, planned, screening)
    kept = [rater.number for rater in raters if not rater.out and rater.number in observations.raters]
    pairs = [pair for several in retest_pairs(observations).values() for pair in several]
    return Analysis(
        observations,
        _scores(observations, screening, kept, results),
        raters,
        {place: _comparisons(observations, place) for place in observations.places},
        retest(pairs),
    )


def _raters(observations: Observations, planned: dict[int, int], screening: Screening) -> list[RaterReport]:
    pairs = retest_pairs(observations)
    result = []
    for number, count in planned.items():
        own = [one for one in observations.all if one.rater == number]
        error = calibration_error(own)
        result.append(
            RaterReport(
                number=number,
                rated=len(own),
                planned=count,
                calibration=error,
                failed=failed_calibration(error),
                rejected=(screening.rejected or {}).get(number),
                bias=(screening.bias or {}).get(number),
                inconsistency=(screening.inconsistency or {}).get(number),
                retest=retest(pairs.get(number, [])),
            )
        )
    return result


def _scores(
    observations: Observations, screening: Screening, kept: list[int], results: Sequence[dict[str, Any]]
) -> list[MethodScore]:
    measured = {(row["set"], row["scale"], row["method"]): row for row in results}
    corrected = (
        dict(zip(observations.items, screening.corrected, strict=True)) if screening.corrected is not None else {}
    )
    dropped = len(kept) < len(observations.raters)
    scores = []
    for place in observations.places:
        for method in observations.methods_of(place):
            items = observations.items_of(place, method)
            ratings = observations.matrix(items, observations.raters)
            score = mean_opinion_score(ratings)
            assert score is not None  # methods_of lists what was rated
            row = measured.get((*place, method), {})
            perfect = method == "HR"
            scores.append(
                MethodScore(
                    place=place,
                    method=method,
                    score=score,
                    screened=mean_opinion_score(observations.matrix(items, kept)) if dropped else None,
                    corrected=_mean([corrected[item] for item in items if item in corrected]),
                    shares=tuple(float(np.mean(ratings[~np.isnan(ratings)] == grade)) for grade in range(1, 6)),
                    psnr=math.inf if perfect else _measured(row, "psnr"),
                    ssim=1.0 if perfect else _measured(row, "ssim"),
                    lpips=_measured(row, "lpips"),
                    published=published_mos(*place, method),
                    left_out=row.get("left_out", {}).get("psnr", 0),
                )
            )
    return scores


def _measured(row: Mapping[str, Any], name: str) -> float | None:
    """Returns a mean of results.json; None where it was not measured."""
    return from_json(row[name]) if name in row else None


def _mean(values: Sequence[float]) -> float | None:
    """Returns None unless every value is there."""
    mean = float(np.mean(values)) if values else float("nan")
    return None if np.isnan(mean) else mean


def _comparisons(observations: Observations, place: Place) -> list[MethodComparison]:
    methods = observations.methods_of(place)
    columns = [observations.matrix(observations.items_of(place, method), observations.raters) for method in methods]
    counts = [(~np.isnan(column)).sum(axis=1) for column in columns]
    sums = [np.nansum(column, axis=1) for column in columns]
    means = [
        np.where(count > 0, total / np.maximum(count, 1), np.nan) for total, count in zip(sums, counts, strict=True)
    ]
    return compare(methods, np.stack(means, axis=1))
