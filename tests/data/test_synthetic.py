"""Synthetic training images: the same bytes everywhere, and the statistics that make them stand in for photographs."""

import hashlib
import os
import subprocess
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

import srlab
from srlab.data.synthetic import synthetic_image, synthetic_images


@pytest.fixture(scope="module")
def images() -> list[np.ndarray]:
    return list(synthetic_images(16))


@pytest.mark.parametrize("size", [16, 97, 256])
def test_an_image_is_square_rgb_of_the_wanted_size(size):
    image = synthetic_image(5, size=size)
    assert image.shape == (size, size, 3)
    assert image.dtype == np.uint8


def test_an_image_does_not_depend_on_those_made_before_it(images):
    assert np.array_equal(synthetic_image(11), images[11])


def test_a_fresh_process_makes_the_same_bytes():
    code = (
        "import sys; from srlab.data.synthetic import synthetic_images\n"
        "for image in synthetic_images(6, size=64, seed=3): sys.stdout.buffer.write(image.tobytes())"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(srlab.__file__).parents[1])}
    theirs = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True).stdout
    ours = b"".join(image.tobytes() for image in synthetic_images(6, size=64, seed=3))
    assert hashlib.sha256(theirs).digest() == hashlib.sha256(ours).digest()


def test_every_index_and_seed_gives_another_image():
    made = [synthetic_image(index, size=32, seed=seed) for seed in range(4) for index in range(8)]
    assert len({image.tobytes() for image in made}) == len(made)


def test_images_are_made_one_at_a_time():
    assert len(list(islice(synthetic_images(10**9, size=16), 2))) == 2


@pytest.mark.parametrize("wrong", [{"index": -1}, {"index": 0, "seed": -1}, {"index": 0, "size": 8}])
def test_a_wrong_argument_is_named(wrong):
    with pytest.raises(ValueError, match=r"index >= 0, seed >= 0 and size >= 16"):
        synthetic_image(**wrong)


def test_no_image_is_nearly_constant_and_all_of_the_range_is_used(images):
    assert min(image.std() for image in images) > 8
    assert min(image.min() for image in images) == 0
    assert max(image.max() for image in images) == 255


def test_power_falls_with_frequency_as_in_photographs(images):
    """Power ~ 1/f^a. Photographs have a near 2 (Field 1987); this measure gives 2.2 to 2.4 on BSD200 and 1.9 to 2.5 on
    groups of 16 synthetic images. White noise has 0, and these images after a blur of sigma 1 have 3."""
    assert 1.6 < spectral_slope(images) < 2.8


def spectral_slope(images: list[np.ndarray]) -> float:
    """-a of the mean power spectrum ~ f^a of brightness, fitted over rings of 4 to 60 cycles per image."""
    side = len(images[0])
    window = np.outer(np.hanning(side), np.hanning(side))
    grey = np.stack([image.mean(axis=2) for image in images])
    spectra = np.fft.fft2((grey - grey.mean(axis=(1, 2), keepdims=True)) * window)
    power = (np.abs(spectra) ** 2).mean(axis=0)
    cycles = np.hypot(*np.meshgrid(np.fft.fftfreq(side, 1 / side), np.fft.fftfreq(side, 1 / side)))
    rings = np.arange(4, 61)
    ring_power = [power[np.round(cycles) == ring].mean() for ring in rings]
    return -np.polyfit(np.log(rings), np.log(ring_power), 1)[0]


def test_channels_are_correlated_as_in_photographs(images):
    """The mean correlation between two channels is 0.88 on BSD200; independent uniform colours have 0."""
    pairs = [np.corrcoef(image.reshape(-1, 3).T)[np.triu_indices(3, k=1)].mean() for image in images]
    assert np.mean(pairs) > 0.75
