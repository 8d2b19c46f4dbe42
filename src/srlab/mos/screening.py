"""How far raters can be trusted: calibration, test-retest, and the ITU's screening and bias removal by `sureal`."""

import contextlib
import io
import warnings
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
from scipy import stats

from srlab.mos.observations import Observation, Observations

CALIBRATION_LIMIT = 1.0  # grades
FEWEST_RATINGS = 5  # of a rater
FEWEST = 3  # raters and images, below which the ITU's procedures say nothing


@dataclass(frozen=True)
class Retest:
    """First and second ratings of the same images by the same raters.

    agreement, within_one: shares of equal pairs and of pairs that differ by at most 1. difference: mean of second minus
    first; p: of a Wilcoxon signed-rank test that it is 0. correlation: Spearman's; None where a side is constant.
    """

    pairs: int
    agreement: float
    within_one: float
    absolute: float
    difference: float
    correlation: float | None
    p: float


@dataclass(frozen=True)
class Screening:
    """By rater: rejected (BT.500), bias and inconsistency [grades] (P.910); by item: the score without the biases.

    None where there are too few ratings.
    """

    rejected: dict[int, bool] | None
    bias: dict[int, float] | None
    inconsistency: dict[int, float] | None
    corrected: np.ndarray | None


def calibration_error(rated: Sequence[Observation]) -> float | None:
    """The mean distance of a rater's calibration ratings from what the page said to give; None without any."""
    errors = [
        abs(one.rating - one.item.expected)
        for one in rated
        if one.kind == "calibration" and one.item.expected is not None
    ]
    return float(np.mean(errors)) if errors else None


def failed_calibration(error: float | None) -> bool:
    """More than one grade off on average: who answers 3, or anything, is 2 off; who reads the hints is 0 off."""
    return error is not None and error > CALIBRATION_LIMIT


def retest_pairs(observations: Observations) -> dict[int, list[tuple[int, int]]]:
    """By rater, (first, second) rating of every image that was rated twice."""
    first = {(one.rater, one.item): one.rating for one in observations.test}
    pairs: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for one in observations.all:
        if one.kind == "repeat" and (one.rater, one.item) in first:
            pairs[one.rater].append((first[one.rater, one.item], one.rating))
    return dict(pairs)


def retest(pairs: Sequence[tuple[int, int]]) -> Retest | None:
    """None without pairs."""
    if not pairs:
        return None
    before, after = np.array(pairs, dtype=float).T
    change = after - before
    varies = len(set(before)) > 1 and len(set(after)) > 1
    return Retest(
        pairs=len(pairs),
        agreement=float((change == 0).mean()),
        within_one=float((abs(change) <= 1).mean()),
        absolute=float(abs(change).mean()),
        difference=float(change.mean()),
        correlation=float(stats.spearmanr(before, after).statistic) if varies else None,
        p=float(stats.wilcoxon(change).pvalue) if change.any() else 1.0,
    )


def screen(ratings: np.ndarray, raters: Sequence[int]) -> Screening:
    """The ITU's procedures on (raters, items) ratings, NaN where there is none.

    rejected: ITU-R BT.500-14, A1-2.3.1. bias, inconsistency and corrected scores: ITU-T P.910 (11/21), Annex E, which
    is P.913 (06/21), 12.6: the ratings as score plus bias plus noise of each rater, by maximum likelihood. Raters of
    fewer than five ratings take no part: their noise would be estimated as nearly 0, and they would outweigh others.
    """
    used = (~np.isnan(ratings)).sum(axis=1) >= FEWEST_RATINGS
    numbers = [rater for rater, use in zip(raters, used, strict=True) if use]
    rated = ~np.isnan(ratings[used]).all(axis=0)
    part = ratings[used][:, rated]
    if min(part.shape) < FEWEST:
        return Screening(None, None, None, None)
    from sureal import BT500Model, P910AnnexEModel  # noqa: PLC0415 - takes a second

    model = _model(P910AnnexEModel, part)
    corrected = np.full(ratings.shape[1], np.nan)
    corrected[rated] = model["quality_scores"]
    # Where all agree the deviation is 0, and the procedure would count everybody as too high and too low at once.
    differ = np.nanstd(part, axis=0) > 0
    rejected = _model(BT500Model, part[:, differ])["observer_rejected"] if differ.any() else [False] * len(numbers)
    return Screening(
        rejected=dict(zip(numbers, map(bool, rejected), strict=True)),
        bias=dict(zip(numbers, map(float, model["observer_bias"]), strict=True)),
        inconsistency=dict(zip(numbers, map(float, model["observer_inconsistency"]), strict=True)),
        corrected=corrected,
    )


def _model(kind: Any, ratings: np.ndarray) -> dict[str, Any]:
    """The result of one of sureal's models, which print their iterations and warn of raters without outliers."""
    from sureal.dataset_reader import RawDatasetReader  # noqa: PLC0415

    columns = enumerate(ratings.T.tolist())
    videos = [{"content_id": i, "asset_id": i, "path": str(i), "os": column} for i, column in columns]
    content = [{"content_id": i, "content_name": str(i), "path": str(i)} for i in range(len(videos))]
    dataset = SimpleNamespace(dataset_name="study", ref_score=5.0, ref_videos=content, dis_videos=videos)
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        result: dict[str, Any] = kind(RawDatasetReader(dataset)).run_modeling()
    return result
