"""The tables of a study's report as CSV lines, at full precision: scores, images, raters, differences and ratings."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from srlab.mos.analysis import Analysis, MethodScore, RaterReport


def csv_tables(analysis: Analysis) -> dict[str, list[Sequence[Any]]]:
    """Returns the CSV files by name, at full precision; a cell without a value is empty."""
    return {
        "mos": [_MOS_COLUMNS, *map(_mos_line, analysis.scores)],
        "images": _image_lines(analysis),
        "raters": [_RATER_COLUMNS, *map(_rater_line, analysis.raters)],
        "differences": [
            ["set", "scale", "first", "second", "difference", "p", "p_holm", "raters"],
            *(
                [*place, one.first, one.second, one.difference, one.p, one.adjusted, one.raters]
                for place, several in analysis.comparisons.items()
                for one in several
            ),
        ],
        "ratings": [
            ["rater", "kind", "set", "scale", "image", "method", "rating", "time"],
            *(
                [
                    one.rater,
                    one.kind,
                    one.item.set,
                    one.item.scale,
                    one.item.image,
                    one.item.method,
                    one.rating,
                    one.time,
                ]
                for one in analysis.observations.all
            ),
        ],
    }


_MOS_COLUMNS = ["set", "scale", "method", "mos", "low", "high", "raters", "ratings", "screened_mos", "screened_low",
                "screened_high", "corrected_mos", "psnr", "ssim", "lpips", "paper_mos",
                *(f"share_{grade}" for grade in range(1, 6))]  # fmt: skip
_RATER_COLUMNS = ["rater", "rated", "planned", "calibration_error", "calibration_failed", "rejected", "bias",
                  "inconsistency", "retest_pairs", "retest_distance"]  # fmt: skip


def _mos_line(score: MethodScore) -> list[Any]:
    screened = score.screened
    return [
        *score.place, score.method, score.score.mean, score.score.low, score.score.high, score.score.raters,
        score.score.ratings, *((screened.mean, screened.low, screened.high) if screened else (None, None, None)),
        score.corrected, score.psnr, score.ssim, score.lpips, score.published, *score.shares,
    ]  # fmt: skip


def _rater_line(rater: RaterReport) -> list[Any]:
    again = rater.retest
    return [rater.number, rater.rated, rater.planned, rater.calibration, rater.failed, rater.rejected, rater.bias,
            rater.inconsistency, again.pairs if again else 0, again.absolute if again else None]  # fmt: skip


def _image_lines(analysis: Analysis) -> list[Sequence[Any]]:
    """Returns the mean rating of every image by every method."""
    rated = analysis.observations
    lines: list[Sequence[Any]] = [["set", "scale", "image", "method", "ratings", "mos", "deviation"]]
    for item, column in zip(rated.items, rated.matrix(rated.items, rated.raters).T, strict=True):
        own = column[~np.isnan(column)]
        deviation = float(own.std(ddof=1)) if own.size > 1 else None
        lines.append([item.set, item.scale, item.image, item.method, own.size, float(own.mean()), deviation])
    return lines
