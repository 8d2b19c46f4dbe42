"""What raters see: balance, order, repeats."""

from collections import Counter

import pytest

from srlab.mos.plan import Candidate, opaque_names, plans

METHODS = ("nearest", "bicubic", "sr", "HR")
CANDIDATES = [Candidate(f"{method}-{i}", method, f"image{i}") for method in METHODS for i in range(6)]
METHOD = {candidate.name: candidate.method for candidate in CANDIDATES}


def names(order, kind):
    return [name for name, own in order if own == kind]


def test_every_rater_sees_everything_once_after_calibration():
    orders = plans(["c1", "c2"], CANDIDATES, raters=8, per_rater=24, repeats=5, seed=0)
    for order in orders:
        assert {name for name, _ in order[:2]} == {"c1", "c2"} and [kind for _, kind in order[:2]] == [
            "calibration"
        ] * 2
        assert sorted(names(order, "test")) == sorted(METHOD)
        assert len(names(order, "repeat")) == 5
    assert len({tuple(order) for order in orders}) == 8


def test_repeats_come_late_and_are_spread_over_methods():
    for order in plans([], CANDIDATES, raters=30, per_rater=24, repeats=4, seed=1):
        kinds = {(name, kind): place for place, (name, kind) in enumerate(order)}
        again = names(order, "repeat")
        assert {METHOD[name] for name in again} == set(METHODS)
        assert all(kinds[name, "repeat"] - kinds[name, "test"] >= 24 / 3 for name in again)


@pytest.mark.parametrize("per_rater", [3, 10, 13, 23])
def test_a_part_is_balanced(per_rater):
    orders = plans([], CANDIDATES, raters=26, per_rater=per_rater, repeats=0, seed=2)
    for order in orders:
        counts = Counter(METHOD[name] for name, _ in order)
        assert len({name for name, _ in order}) == len(order) == per_rater
        assert max(counts.values()) - min(counts[method] for method in METHODS) <= 1
    methods = Counter(METHOD[name] for order in orders for name, _ in order)
    assert max(methods.values()) - min(methods.values()) <= 1
    shown = Counter(name for order in orders for name, _ in order)
    for method in METHODS:
        own = [shown[name] for name in METHOD if METHOD[name] == method]
        assert max(own) - min(own) <= 1


def test_the_seed_decides():
    same = [plans(["c"], CANDIDATES, 4, 10, 2, seed) for seed in (5, 5, 6)]
    assert same[0] == same[1] != same[2]


def test_no_more_repeats_than_fit():
    (order,) = plans([], CANDIDATES[:3], raters=1, per_rater=3, repeats=9, seed=0)
    assert len(names(order, "repeat")) == 2  # the third image has no room for a gap after it


def test_opaque_names_are_different_and_of_the_seed():
    assert len(set(opaque_names(2000, 0, 1))) == 2000
    assert opaque_names(5, 0, 1) == opaque_names(5, 0, 1) != opaque_names(5, 0, 3)
