"""imresize to a size: MATLAB's imresize(image, [height width])."""

import torch

from srlab.imaging.resize import imresize, imresize_to


def test_equal_scales_are_imresize():
    image = torch.rand(1, 2, 12, 18)
    for scale in (0.5, 2, 1 / 3):
        size = round(12 * scale), round(18 * scale)
        torch.testing.assert_close(imresize_to(image, *size), imresize(image, scale))


def test_each_side_has_its_own_scale():
    image = torch.rand(1, 1, 10, 13)
    assert imresize_to(image, 8, 10).shape == (1, 1, 8, 10)
    rows = imresize_to(image, 5, 13)
    torch.testing.assert_close(rows[..., 4], imresize_to(image[..., 4:5], 5, 1)[..., 0])
