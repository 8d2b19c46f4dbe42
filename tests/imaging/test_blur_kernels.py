"""Blur kernels against their formulas, and what a network is told of them."""

import numpy as np
import pytest
import torch
from scipy import ndimage, stats

from srlab.errors import SrlabError
from srlab.imaging.blur_kernels import (
    blur,
    delta_kernel,
    gaussian_kernel,
    isotropic_kernel,
    random_kernel,
    told,
    turned,
)
from srlab.imaging.symmetries import orient


@pytest.mark.parametrize("width", [0.2, 1.3, 2.6])
def test_an_isotropic_kernel_is_matlabs_fspecial(width):
    y, x = np.mgrid[-7:8, -7:8]
    expected = np.exp(-(x**2 + y**2) / (2 * width**2))
    np.testing.assert_allclose(isotropic_kernel(width), expected / expected.sum(), atol=1e-15)


def test_an_anisotropic_kernel_is_a_normal_density():
    """Rows are the first variable: the kernel leans as the covariance says."""
    covariance = np.array([[4.0, 1.5], [1.5, 2.0]])
    places = np.stack(np.mgrid[-7:8, -7:8], axis=-1)
    expected = stats.multivariate_normal([0, 0], covariance).pdf(places)
    np.testing.assert_allclose(gaussian_kernel(covariance), expected / expected.sum(), atol=1e-15)


@pytest.mark.parametrize(("scale", "widest", "largest"), [(2, 2, 6), (3, 3, 8), (4, 4, 10)])
def test_random_kernels_are_those_of_the_paper(scale, widest, largest):
    """Section 4.1: widths of 0.2 to the scale; eigenvalues from 0.5 to 6, 8 and 10, in any direction."""
    random = np.random.default_rng(0)
    offsets, isotropic, anisotropic, angles = np.arange(-7, 8), [], [], []
    for _ in range(400):
        kernel = random_kernel(random, scale)
        assert kernel.shape == (15, 15) and kernel.min() >= 0 and kernel.sum() == pytest.approx(1)
        assert np.allclose(kernel, kernel[::-1, ::-1])
        moments = [
            (kernel * product).sum() for product in (offsets[:, None] ** 2, offsets**2, np.outer(offsets, offsets))
        ]
        values, axes = np.linalg.eigh([[moments[0], moments[2]], [moments[2], moments[1]]])
        if np.ptp(values) < 1e-9:
            isotropic.append(values[0] ** 0.5)
        else:
            anisotropic.append(values)
            angles.append(np.arctan2(*axes[:, 1]) % np.pi)
    assert 160 < len(isotropic) < 240
    # A kernel that the side of 15 cuts has smaller moments than its formula, and one below half a pixel has others.
    assert max(isotropic) <= widest and max(isotropic) > 0.85 * min(widest, 3.3)
    assert np.max(anisotropic) <= largest and np.max(anisotropic) > 0.7 * largest and np.min(anisotropic) > 0.3
    assert np.histogram(angles, 4, (0, np.pi))[0].min() > len(angles) / 8


@pytest.mark.parametrize("shape", [(23, 31), (40, 17, 3)])
@pytest.mark.parametrize("side", [15, 7])
def test_blur_is_matlabs_imfilter(shape, side):
    random = np.random.default_rng(0)
    image, kernel = random.random(shape), random.random((side, side))  # of no symmetry: correlation, not convolution
    planes = image.reshape(*shape[:2], -1)
    expected = np.stack([ndimage.correlate(plane, kernel, mode="nearest") for plane in planes.transpose(2, 0, 1)], -1)
    np.testing.assert_allclose(blur(image, kernel).reshape(expected.shape), expected, atol=1e-11)


def test_a_network_is_told_the_kernel_by_rows_and_the_noise():
    kernel = gaussian_kernel(np.array([[4.0, 1.5], [1.5, 2.0]]))
    condition = told(kernel, 15 / 255)
    assert condition.dtype == np.float32 and condition.shape == (226,)
    np.testing.assert_allclose(condition[:-1].reshape(15, 15), kernel, rtol=1e-6)
    assert condition[-1] == pytest.approx(15 / 255)
    small = told(isotropic_kernel(1.6, 7))[:-1].reshape(15, 15)
    np.testing.assert_allclose(small[4:11, 4:11], isotropic_kernel(1.6, 7), rtol=1e-6)
    assert small.sum() == pytest.approx(1, abs=1e-6)
    assert told(delta_kernel())[112] == 1 and told(delta_kernel()).sum() == 1


@pytest.mark.parametrize(
    ("kernel", "noise", "message"),
    [
        (np.full((4, 4), 1 / 16), 0, r"kernel: expected a square one of odd side, at most 15x15, not 4x4\."),
        (np.full((17, 17), 1 / 289), 0, "not 17x17"),
        (np.ones(225), 0, "not 225"),
        (np.ones((3, 3)), 0, "a sum of 1, not 1 and 9"),
        (np.array([[-1.0, 1, 0], [0, 1, 0], [0, 0, 0]]), 0, "no value below 0"),
        (delta_kernel() * np.nan, 0, "not nan"),
        (delta_kernel(), 15, r"noise=15: expected a standard deviation for images in \[0, 1\], from 0 to 0\.2941"),
        (delta_kernel(), -0.1, "noise=-0.1"),
    ],
)
def test_what_is_no_degradation_of_srmd(kernel, noise, message):
    with pytest.raises(SrlabError, match=message) as error:
        told(kernel, noise)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("width", [0, -1, float("nan")])
def test_a_kernel_without_a_width(width):
    with pytest.raises(SrlabError, match=f"width={width}: expected"):
        isotropic_kernel(width)


def test_a_kernel_turns_with_its_image():
    random = np.random.default_rng(0)
    kernel, image = random.random((15, 15)), random.random((24, 20))
    kernel /= kernel.sum()
    for symmetry in range(8):
        (condition,) = turned(torch.from_numpy(told(kernel, 0.1))[None], symmetry).numpy()
        np.testing.assert_allclose(condition, told(orient(kernel, symmetry), 0.1))
        of_turned = blur(orient(image, symmetry), orient(kernel, symmetry))
        np.testing.assert_allclose(of_turned, orient(blur(image, kernel), symmetry), atol=1e-12)
