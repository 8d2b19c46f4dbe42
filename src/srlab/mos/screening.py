"""How reliable raters are: calibration, test and retest, and the ITU's screening and bias removal, by `sureal`."""

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

CALIBRATION_LIMIT = 1.0  # grades; a larger mean error fails
FEWEST_RATINGS = 5  # a rater with fewer is not screened
FEWEST = 3  # with fewer raters or images nobody is screened


@dataclass(frozen=True)
class Retest:
    """First and second ratings of the same images by the same raters, in grades.

    agreement: the share of equal pairs. within_one: the share of pairs that differ by at most 1. absolute: the mean
    distance. difference: the mean of second minus first. correlation: Spearman's; None where one side is constant.
    p: of a Wilcoxon signed-rank test that the difference is 0.
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
    """What the ITU's procedures say. Everything is None where there are too few ratings.

    rejected: by rater, whether BT.500 rejects them. bias, inconsistency: by rater, in grades, by P.910. corrected:
    (items,) scores without the raters' biases; NaN for an item that no screened rater has rated.
    """

    rejected: dict[int, bool] | None
    bias: dict[int, float] | None
    inconsistency: dict[int, float] | None
    corrected: np.ndarray | None


def calibration_error(rated: Sequence[Observation]) -> float | None:
    """Returns the mean distance of a rater's calibration ratings from what the page said to give; None without any."""
    errors = [
        abs(one.rating - one.item.expected)
        for one in rated
        if one.kind == "calibration" and one.item.expected is not None
    ]
    return float(np.mean(errors)) if errors else None


def failed_calibration(error: float | None) -> bool:
    """Tells whether the error is above the limit. Who always answers 3 is 2 grades off, who follows the page 0."""
    return error is not None and error > CALIBRATION_LIMIT


def retest_pairs(observations: Observations) -> dict[int, list[tuple[int, int]]]:
    """Returns, by rater, the (first, second) rating of every image that was rated twice."""
    first = {(one.rater, one.item): one.rating for one in observations.test}
    pairs: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for one in observations.all:
        if one.kind == "repeat" and (one.rater, one.item) in first:
            pairs[one.rater].append((first[one.rater, one.item], one.rating))
    return dict(pairs)


def retest(pairs: Sequence[tuple[int, int]]) -> Retest | None:
    """Compares first with second ratings; None without pairs."""
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
    """Screens raters by the procedures of the ITU.

    Rejection is that of ITU-R BT.500-14, A1-2.3.1. Bias, inconsistency and corrected scores are those of ITU-T P.910
    (11/21), Annex E, which is P.913 (06/21), 12.6: a rating is the item's score plus the rater's bias plus the rater's
    noise, fitted by maximum likelihood. Raters with fewer than FEWEST_RATINGS ratings take no part: their noise would
    be estimated as nearly 0, and they would outweigh all others.

    Args:
        ratings: (raters, items), 1 to 5, NaN where there is none.
        raters: their numbers, in the order of the rows.
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
    # Where all raters agree the deviation is 0, and BT.500 would count everybody as both too high and too low.
    differ = np.nanstd(part, axis=0) > 0
    rejected = _model(BT500Model, part[:, differ])["observer_rejected"] if differ.any() else [False] * len(numbers)
    return Screening(
        rejected=dict(zip(numbers, map(bool, rejected), strict=True)),
        bias=dict(zip(numbers, map(float, model["observer_bias"]), strict=True)),
        inconsistency=dict(zip(numbers, map(float, model["observer_inconsistency"]), strict=True)),
        corrected=corrected,
    )


def _model(kind: Any, ratings: np.ndarray) -> dict[str, Any]:
    """Runs one of sureal's models without what it prints (its iterations) and warns of (raters without outliers)."""
    from sureal.dataset_reader import RawDatasetReader  # noqa: PLC0415

    columns = enumerate(ratings.T.tolist())
    videos = [{"content_id": i, "asset_id": i, "path": str(i), "os": column} for i, column in columns]
    content = [{"content_id": i, "content_name": str(i), "path": str(i)} for i in range(len(videos))]
    dataset = SimpleNamespace(dataset_name="study", ref_score=5.0, ref_videos=content, dis_videos=videos)
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        result: dict[str, Any] = kind(RawDatasetReader(dataset)).run_modeling()
    return result
