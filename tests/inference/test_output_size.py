"""The size that a user writes, and the passes that reach it."""

import pytest

from srlab.errors import SrlabError
from srlab.inference.output_size import output_size, passes


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("4", (400, 600)),
        ("2.7", (270, 405)),
        ("0.5", (50, 75)),
        ("3840x2160", (2160, 3840)),
        (" 3840X2160 ", (2160, 3840)),
        ("3840×2160", (2160, 3840)),
        ("300x", (200, 300)),
        ("x200", (200, 300)),
        ("1e-9", (1, 1)),
    ],
)
def test_of_an_image_of_150x100(wanted, expected):
    assert output_size(wanted, 100, 150) == expected


@pytest.mark.parametrize("wanted", ["", "x", "big", "-2", "0", "nan", "inf", "0x100", "3x4x5", "9999999x3", "1e9"])
def test_what_is_no_size(wanted):
    with pytest.raises(SrlabError, match="expected"):
        output_size(wanted, 100, 150)


@pytest.mark.parametrize(
    ("scales", "to", "expected"),
    [
        ((2, 3, 4), (200, 200), (2,)),
        ((2, 3, 4), (270, 100), (3,)),
        ((2, 3, 4), (800, 800), (4, 2)),
        ((2,), (300, 300), (2, 2)),
        ((4,), (101, 100), (4,)),
        ((4,), (1700, 1700), (4, 4, 4)),
        ((4,), (100, 100), ()),
        ((4,), (30, 60), ()),
        (None, (270, 270), (3,)),
        (None, (300, 300), (3,)),
        (None, (50, 50), ()),
        ((1, 2), (200, 200), (2,)),
    ],
)
def test_passes_from_100x100(scales, to, expected):
    assert passes(scales, 100, 100, *to) == expected


def test_a_network_that_does_not_enlarge():
    with pytest.raises(SrlabError, match="x1 alone"):
        passes((1,), 100, 100, 200, 200)
