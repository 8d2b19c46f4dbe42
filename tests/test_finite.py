"""The rule for values that are not finite: means, differences, notes and JSON."""

import json
import math

import numpy as np
import pytest

from srlab import finite
from srlab.errors import SrlabError
from srlab.plain_schema import check

INF, NAN = math.inf, math.nan


@pytest.mark.parametrize("values", [[30.0], [30.1, 28.7, 33.3], [0.1] * 7])
def test_the_mean_of_finite_values_is_numpys(values):
    assert finite.mean(values) == pytest.approx(np.mean(values), abs=1e-12)
    assert finite.note("PSNR", values) == "" and finite.infinite(values) == 0


@pytest.mark.parametrize(
    ("values", "mean", "left_out", "note"),
    [
        ([30.0, INF, 32.0], 31.0, 1, "PSNR: infinite for 1 of 3 images, which the mean leaves out"),
        ([INF, INF], INF, 2, "PSNR: infinite for all 2 images"),
        ([INF], INF, 1, "PSNR: infinite"),
        ([30.0, NAN, INF], NAN, 1, "PSNR: not a number for 1 of 3 images, infinite for 1 of 3 images"),
        ([30.0, -INF], NAN, 0, "PSNR: not a number for 1 of 2 images"),
        ([], NAN, 0, ""),
    ],
)
def test_means_of_other_values_and_what_stands_beside_them(values, mean, left_out, note):
    assert finite.mean(iter(values)) == pytest.approx(mean, nan_ok=True)
    assert finite.infinite(values) == left_out and finite.note("PSNR", values) == note


def test_a_difference_is_of_finite_values():
    assert finite.difference(31.0, 30.5) == 0.5
    assert [finite.difference(*pair) for pair in ((INF, 30.0), (INF, INF), (30.0, NAN))] == [None] * 3
    assert [finite.or_none(value) for value in (1.0, INF, NAN, None)] == [1.0, None, None, None]


@pytest.mark.parametrize(("value", "written"), [(31.25, "31.25"), (INF, "null"), (NAN, '"nan"')])
def test_json_goes_there_and_back(value, written):
    text = json.dumps(finite.to_json(value), allow_nan=False)
    assert text == written
    read = json.loads(text)
    check(read, finite.in_json, "results.json", "")
    assert finite.from_json(read) == pytest.approx(value, nan_ok=True)


@pytest.mark.parametrize("value", ["inf", "high", True, [], 1e301, NAN, INF])
def test_what_json_does_not_hold(value):
    with pytest.raises(SrlabError, match=r'expected a finite number, null \(infinite\) or "nan"'):
        check(value, finite.in_json, "results.json", "")


def test_a_figure_names_what_it_leaves_out():
    assert finite.not_drawn([]) == ""
    assert finite.not_drawn(["copy", "copy"]) == "not drawn, since infinite or not a number: copy"
    assert finite.not_drawn(map(str, range(9))).endswith("number: 0, 1, 2, 3, 4, 5 and 3 more")
