"""Means of a validation over images and scales."""

import pytest

from srlab.methods.validation import validation_means
from srlab.metrics.metric import Quality


def test_the_mean_over_images_of_one_scale():
    qualities = {("a", 2): Quality(psnr=30.0, ssim=0.8), ("b", 2): Quality(psnr=34.0, ssim=0.9)}
    assert validation_means(qualities, ["psnr", "ssim"]) == {"val/psnr": 32.0, "val/ssim": pytest.approx(0.85)}


def test_every_scale_counts_the_same_whatever_its_number_of_images():
    qualities = {("a", 2): Quality(psnr=30.0), ("a", 4): Quality(psnr=24.0), ("b", 4): Quality(psnr=26.0)}
    assert validation_means(qualities, ["psnr"]) == {"val/psnr_x2": 30.0, "val/psnr_x4": 25.0, "val/psnr": 27.5}


def test_no_images_give_no_numbers():
    assert validation_means({}, ["psnr"]) == {}
