"""Learning-rate schedules."""

import math

import pytest

from srlab.errors import SrlabError
from srlab.methods.schedules import multiplier

OPTIONS = {"milestones": [100, 300], "gamma": 0.5, "warmup": 0.1, "final": 0.02}


def test_paper_halves_at_the_milestones():
    factor = multiplier({"name": "paper", **OPTIONS}, 1000)
    assert [factor(step) for step in (0, 99, 100, 299, 300, 999)] == [1, 1, 0.5, 0.5, 0.25, 0.25]


def test_cosine_goes_from_1_to_final():
    factor = multiplier({"name": "cosine", **OPTIONS}, 1000)
    assert factor(0) == 1 and factor(1000) == pytest.approx(0.02)
    assert factor(250) == pytest.approx(0.02 + 0.98 * (1 + math.cos(math.pi / 4)) / 2)


def test_onecycle_rises_and_falls():
    factor = multiplier({"name": "onecycle", **OPTIONS}, 1000)
    values = [factor(step) for step in range(1001)]
    assert values[0] == pytest.approx(1 / 25) and values[100] == pytest.approx(1) and values[-1] == pytest.approx(0.02)
    assert values[:101] == sorted(values[:101]) and values[100:] == sorted(values[100:], reverse=True)


def test_unknown_name():
    with pytest.raises(SrlabError, match="Did you mean 'cosine'"):
        multiplier({"name": "cosin", **OPTIONS}, 10)
