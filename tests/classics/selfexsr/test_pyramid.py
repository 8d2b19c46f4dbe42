"""The pyramid: its steps are the authors', and its sources are packed without loss."""

import numpy as np
import pytest
import torch

from srlab.classics.selfexsr.pyramid import packed, pyramid_of, steps_of
from srlab.imaging.resize import imresize_to


@pytest.mark.parametrize(("scale", "steps", "depth"), [(2, 3, 9), (3, 5, 10), (4, 6, 9), (8, 9, 9), (5, 7, 10)])
def test_steps_lead_to_the_scale_and_down_to_an_eighth(scale, steps, depth):
    pyramid = pyramid_of(torch.rand(1, 1, 19, 23), scale)
    assert (steps_of(scale), pyramid.depth) == (steps, depth)
    assert pyramid.step**steps == pytest.approx(scale)
    assert pyramid.size(0) == (19, 23) and pyramid.size(steps) == (19 * scale, 23 * scale)
    assert pyramid.step**-depth <= 1 / 8 + 1e-9


def test_smooth_images_lack_what_the_next_level_cannot_hold():
    image = torch.rand(1, 1, 19, 23)
    pyramid = pyramid_of(image, 2)
    assert pyramid.sharp[0] is image and pyramid.sharp[-3].shape == (1, 1, 10, 12)  # 9.5 and 11.5
    small = imresize_to(image, *pyramid.size(-1))
    torch.testing.assert_close(pyramid.smooth[0], imresize_to(small, 19, 23))
    new = torch.rand(1, 1, *pyramid.size(1))
    pyramid.add(1, new)
    torch.testing.assert_close(pyramid.smooth[1], imresize_to(imresize_to(new, 19, 23), *pyramid.size(1)))


def test_sources_are_those_below_the_target():
    pyramid = pyramid_of(torch.rand(1, 1, 19, 23), 2)
    pyramid.add(1, torch.rand(1, 1, *pyramid.size(1)))
    pixels, shapes = packed(pyramid.sharp, 2, pyramid.depth)
    assert pixels.dtype == np.float32 and len(shapes) == pyramid.depth
    for row, (offset, height, width) in enumerate(shapes):
        image = pixels[offset : offset + height * width].reshape(height, width)
        np.testing.assert_array_equal(image, pyramid.sharp[1 - row][0, 0].numpy())
