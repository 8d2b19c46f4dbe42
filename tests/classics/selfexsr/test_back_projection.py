"""Back-projection against SciPy, and what it is for: the result, shrunk, is the image."""

import numpy as np
import torch
from scipy import ndimage

from srlab.classics.selfexsr.back_projection import back_projected
from srlab.imaging.resize import imresize


def test_an_iteration_by_scipy():
    rng = np.random.default_rng(0)
    image, lr = rng.random((12, 16)), rng.random((6, 8))
    y, x = np.mgrid[-2:3, -2:3]
    weights = np.exp(-(x**2 + y**2) / 2) ** 2
    missing = imresize(lr - imresize(image, 0.5), 2)
    expected = image + ndimage.correlate(missing, weights / weights.sum(), mode="nearest")
    found = back_projected(torch.from_numpy(image)[None, None], torch.from_numpy(lr)[None, None], 1)[0, 0]
    np.testing.assert_allclose(found.numpy(), expected.clip(0, 1), atol=1e-6)


def test_the_result_shrunk_is_the_image():
    rng = np.random.default_rng(0)
    hr = torch.from_numpy(ndimage.gaussian_filter(rng.random((40, 40)), 1.5))[None, None]
    lr = imresize(hr, 1 / 3)
    before = imresize(lr, 42 / 14)[..., :42, :42]
    after = back_projected(before, lr)
    errors = [(imresize(image, 1 / 3) - lr).abs().mean() for image in (before, after)]
    assert after.shape == (1, 1, 42, 42) and errors[1] < errors[0] / 10
