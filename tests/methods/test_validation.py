"""Means of a validation over images and scales."""

from math import inf, isnan, nan

import pytest

from srlab import distributed
from srlab.finite import mean
from srlab.methods.validation import BestValidation, validation_means
from srlab.metrics.metric import Quality


def test_the_mean_over_images_of_one_scale():
    qualities = {("a", 2): Quality(psnr=30.0, ssim=0.8), ("b", 2): Quality(psnr=34.0, ssim=0.9)}
    assert validation_means(qualities, ["psnr", "ssim"]) == {"val/psnr": 32.0, "val/ssim": pytest.approx(0.85)}


def test_every_scale_counts_the_same_whatever_its_number_of_images():
    qualities = {("a", 2): Quality(psnr=30.0), ("a", 4): Quality(psnr=24.0), ("b", 4): Quality(psnr=26.0)}
    assert validation_means(qualities, ["psnr"]) == {"val/psnr_x2": 30.0, "val/psnr_x4": 25.0, "val/psnr": 27.5}


def test_no_images_give_no_numbers():
    assert validation_means({}, ["psnr"]) == {}


def test_an_image_that_is_reproduced_exactly_is_left_out_and_counted():
    qualities = {("a", 2): Quality(psnr=30.0), ("flat", 2): Quality(psnr=inf), ("b", 2): Quality(psnr=32.0)}
    assert validation_means(qualities, ["psnr"]) == {"val/psnr": 31.0, "val/psnr_left_out": 1}
    both = qualities | {("a", 4): Quality(psnr=25.0), ("flat", 4): Quality(psnr=48.0)}
    assert validation_means(both, ["psnr"])["val/psnr"] == (31.0 + 36.5) / 2
    assert validation_means({("flat", 2): Quality(psnr=inf)}, ["psnr"])["val/psnr"] == inf


def test_nan_is_not_hidden():
    qualities = {("a", 2): Quality(lpips=0.1), ("b", 2): Quality(lpips=nan), ("a", 4): Quality(lpips=0.2)}
    means = validation_means(qualities, ["lpips"])
    assert isnan(means["val/lpips"]) and isnan(means["val/lpips_x2"]) and means["val/lpips_x4"] == 0.2


@pytest.mark.parametrize("world", [2, 3])
def test_ranks_together_have_the_mean_of_the_whole(world, monkeypatch):
    """Every rank validates its share; DDP repeats images so that shares are of one size, and a repeat counts once."""
    whole = {(f"{i}", 2): Quality(psnr=value) for i, value in enumerate([30.0, inf, 31.0, 36.0, 29.0])}
    items = list(whole.items())
    shares = [dict([*items, *items][rank : len(items) + 1 : world]) for rank in range(world)]

    def gather(found: list, own: dict) -> None:
        found[:] = shares

    monkeypatch.setattr(distributed, "rank_and_world", lambda: (0, world))
    monkeypatch.setattr(distributed.dist, "get_world_size", lambda: world)
    monkeypatch.setattr(distributed.dist, "all_gather_object", gather)
    means = validation_means(distributed.merge_over_ranks(shares[0]), ["psnr"])
    assert means == validation_means(whole, ["psnr"]) == {"val/psnr": 31.5, "val/psnr_left_out": 1}


def taken(lower: bool, *validations: dict[str, float]) -> list[int]:
    """Which of several validations of images at x2 are the best so far, by their numbers."""
    best = BestValidation(lower)
    scores = [mean(values.values()) for values in validations]
    placed = [{(image, 2): value for image, value in values.items()} for values in validations]
    return [i for i, given in enumerate(zip(scores, placed, strict=True)) if best.takes(*given)]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([(28.09, inf), (30.0, 45.0), (31.34, 47.0)], [0, 1, 2]),  # an infinite mean froze the first
        ([(28.09, 48.13), (30.0, inf), (31.34, inf)], [0, 1, 2]),  # and so would a mean over fewer images
        ([(28.09, inf), (31.34, inf), (30.0, 60.0)], [0, 1]),
        ([(28.0, 40.0), (29.0, 38.0), (29.0, 40.0)], [0, 2]),  # without infinity it is the mean
        ([(inf, inf), (30.0, 40.0), (inf, inf), (inf, inf)], [0, 1, 2, 3]),  # nothing to compare: the later one
        ([(nan, 30.0), (20.0, 20.0), (nan, 90.0), (inf, nan), (21.0, 20.0)], [1, 4]),
    ],
)
def test_which_validation_is_the_best(values, expected):
    assert taken(False, *({"photo": photo, "flat": flat} for photo, flat in values)) == expected


def test_lower_may_be_better():
    assert taken(True, {"a": 0.3}, {"a": 0.2}, {"a": 0.25}, {"a": nan}) == [0, 1]


def test_the_best_validation_in_a_checkpoint():
    best, again = BestValidation(), BestValidation()
    best.takes(30.0, {("photo", 2): 30.0, ("flat", 2): inf})
    again.load(best.state())
    assert again.state() == best.state()
    assert not again.takes(40.0, {("photo", 2): 29.0, ("flat", 2): 51.0})
    assert again.takes(31.0, {("photo", 2): 31.0, ("flat", 2): inf})


def test_an_earlier_version_kept_the_mean_alone():
    frozen, usual = BestValidation(), BestValidation()
    frozen.load({"score": inf})
    usual.load({"score": 30.0})
    worse = {("photo", 2): 28.0}
    assert frozen.takes(28.0, worse) and not usual.takes(28.0, worse)
