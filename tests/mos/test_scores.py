"""Scores, intervals and tests, against simulations and independent formulas."""

import numpy as np
import pytest
from mos_study import METHODS, QUALITY, expected_rating, simulated
from scipy import stats

from srlab.mos.analysis import analyse
from srlab.mos.scores import compare, holm, mean_opinion_score
from srlab.mos.screening import failed_calibration, retest, screen

BIAS, NOISE = 0.4, 0.6


@pytest.mark.parametrize(("raters", "part"), [(26, 1.0), (26, 0.4), (8, 1.0)])
def test_intervals_cover_the_expected_rating(raters, part):
    """Over 200 studies of raters with known bias and noise, each time other raters of the same kind."""
    generator = np.random.default_rng(0)
    covered = {method: [] for method in METHODS}
    for _ in range(200):
        rated = simulated(raters, 5, generator.normal(0, BIAS, raters), NOISE, generator, part)
        for method in METHODS:
            score = mean_opinion_score(rated.matrix(rated.items_of(("five", 4), method), rated.raters))
            covered[method].append(score.low <= expected_rating(QUALITY[method], BIAS, NOISE) <= score.high)
    for method, hits in covered.items():
        assert 0.9 <= np.mean(hits) <= 0.99, method


def test_the_report_recovers_the_order_of_the_biases():
    """200 studies of 26 raters each: always nearly, and exactly where biases are far enough apart."""
    generator = np.random.default_rng(1)
    correlations = []
    for _ in range(200):
        bias = generator.normal(0, BIAS, 26)
        rated = simulated(26, 5, bias, NOISE, generator)
        found = screen(rated.matrix(rated.items, rated.raters), rated.raters).bias
        correlations.append(stats.spearmanr(bias, [found[rater] for rater in rated.raters]).statistic)
    assert np.median(correlations) > 0.9 and min(correlations) > 0.7
    bias = np.linspace(-0.8, 0.8, 7)[generator.permutation(7)]
    raters = analyse(simulated(7, 20, bias, NOISE, generator), dict.fromkeys(range(1, 8), 100)).raters
    assert np.array_equal(np.argsort([rater.bias for rater in raters]), np.argsort(bias))


def test_a_complete_design_has_students_interval_over_raters():
    ratings = np.random.default_rng(2).integers(1, 6, (26, 14)).astype(float)
    score = mean_opinion_score(ratings)
    interval = stats.ttest_1samp(ratings.mean(axis=1), 0).confidence_interval(0.95)
    assert (score.mean, score.low, score.high) == pytest.approx((ratings.mean(), interval.low, interval.high))
    assert (score.raters, score.ratings) == (26, 26 * 14)


def test_images_count_alike_and_raters_without_ratings_do_not():
    nan = np.nan
    score = mean_opinion_score(np.array([[1.0, 5, nan], [1, nan, nan], [1, nan, nan], [nan, nan, nan]]))
    assert score.mean == 3 and score.raters == 3 and score.ratings == 4
    assert mean_opinion_score(np.full((3, 2), nan)) is None
    alone = mean_opinion_score(np.array([[2.0, 4.0]]))
    assert alone.mean == 3 and alone.low is alone.high is None
    same = mean_opinion_score(np.full((5, 4), 5.0))
    assert (same.low, same.mean, same.high) == (5, 5, 5)


def test_holm_by_hand():
    """Sorted 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1, never falling."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1.0, 1.0] and holm([]) == []


def test_comparisons_pair_raters():
    generator = np.random.default_rng(3)
    means = generator.uniform(1, 4, (20, 1)) + np.array([0.0, 0.01, 1.0]) + generator.normal(0, 0.1, (20, 3))
    means[0, 2] = np.nan
    ab, ac, bc = compare(["a", "b", "c"], means)
    assert ac.adjusted < 0.001 and bc.adjusted < 0.001 and ab.p > 0.05 and ac.raters == 19 and ab.raters == 20
    assert ab.p == pytest.approx(stats.wilcoxon(means[:, 0], means[:, 1]).pvalue)
    (same,) = compare(["a", "b"], np.ones((5, 2)))
    assert same.p == same.adjusted == 1


def test_a_careless_rater_is_screened_out_and_others_are_kept():
    """BT.500's procedure looks for raters who are too high as often as too low."""
    generator = np.random.default_rng(4)
    rated = simulated(26, 20, generator.normal(0, 0.2, 26), 0.5, generator)
    ratings = rated.matrix(rated.items, rated.raters)
    ratings[6] = generator.integers(1, 6, ratings.shape[1])
    ratings[:, :10] = 5  # all agree on some images
    ratings[25, 4:] = np.nan  # and one has only just begun
    found = screen(ratings, rated.raters)
    assert found.rejected[7] and sum(found.rejected.values()) <= 3
    assert found.inconsistency[7] == max(found.inconsistency.values()) and 26 not in found.bias
    assert np.isfinite(found.corrected).all()
    assert screen(ratings[:2], [1, 2]).bias is None


def test_corrected_scores_undo_a_bias():
    """Half of the raters see half of the images and rate a grade lower: the plain mean takes that for quality."""
    generator = np.random.default_rng(5)
    ratings = 3 + generator.normal(0, 0.3, (12, 20))
    ratings[:6] -= 1
    ratings[:6, 10:] = np.nan
    plain, corrected = np.nanmean(ratings, axis=0), screen(ratings, list(range(12))).corrected
    assert np.mean(plain[10:]) - np.mean(plain[:10]) > 0.4
    assert abs(np.mean(corrected[10:]) - np.mean(corrected[:10])) < 0.15


def test_test_and_retest_by_hand():
    found = retest([(1, 1), (2, 3), (4, 2), (5, 5)])
    assert (found.pairs, found.agreement, found.within_one) == (4, 0.5, 0.75)
    assert (found.absolute, found.difference) == (0.75, -0.25)
    assert found.correlation == pytest.approx(stats.spearmanr([1, 2, 4, 5], [1, 3, 2, 5]).statistic)
    assert retest([]) is None and retest([(3, 3)]).correlation is None


def test_who_fails_calibration():
    assert not failed_calibration(0.0) and not failed_calibration(1.0) and not failed_calibration(None)
    assert failed_calibration(2.0)  # always 3
