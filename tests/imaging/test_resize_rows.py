"""Rows of a resized image from rows of the image: the numbers of the whole."""

import pytest
import torch

from srlab.imaging.resize import imresize_to
from srlab.imaging.resize_rows import resize_columns, resize_rows, rows_behind


@pytest.mark.parametrize("kernel", ["bicubic", "lanczos", "bilinear"])
@pytest.mark.parametrize("after", [(97, 31), (40, 50), (13, 9), (131, 60), (60, 41)])
def test_parts_equal_the_whole(kernel, after):
    image = torch.rand(2, 3, 60, 41, generator=torch.Generator().manual_seed(0))
    expected = imresize_to(image, *after, kernel)
    parts = []
    for top in range(0, after[0], 11):
        bottom = min(top + 11, after[0])
        first, last = rows_behind(60, after[0], top, bottom, kernel)
        rows = image[:, :, first:last]
        parts.append(resize_columns(resize_rows(rows, first, 60, after[0], top, bottom, kernel), after[1], kernel))
    torch.testing.assert_close(torch.cat(parts, dim=2), expected, rtol=0, atol=1e-6)


def test_few_rows_are_needed():
    """Bicubic at 1/2 sees 8 rows around each row."""
    assert rows_behind(1000, 500, 100, 101) == (197, 205)
    assert rows_behind(1000, 500, 0, 1)[0] == 0
