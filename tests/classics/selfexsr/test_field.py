"""The field from level to level: a transform maps the same points of the picture, whatever the number of pixels."""

import numpy as np

from srlab.classics.selfexsr.field import enlarged, first_field


def test_a_first_field_is_in_place_at_twice_the_scale():
    field = first_field(7, 9, 2)
    np.testing.assert_array_equal(field.transforms[3, 5], [[2, 0, 5], [0, 2, 3], [0, 0, 1]])
    assert (field.planes == 2).all() and field.affines[1, 1].tolist() == [[2, 0], [0, 2]]


def test_an_enlarged_field_maps_the_same_points():
    rng = np.random.default_rng(0)
    field = first_field(12, 15, 0)
    field.transforms[..., :2, :2] += rng.normal(0, 0.2, (12, 15, 2, 2))
    field.transforms[..., :2, 2] = 5 + 2 * rng.random((12, 15, 2))
    field.transforms[..., 2, :2] = rng.normal(0, 0.01, (12, 15, 2))
    field.planes[:] = rng.integers(0, 3, (12, 15))
    finer = enlarged(field, 15, 19)
    ratios = np.array([19 / 15, 15 / 12])  # x, y
    for y, x in ((4, 5), (7, 9), (10, 14), (6, 3)):
        # In the middle of a pixel is where half a pixel more is its number.
        near_x, near_y = np.rint((np.array([x, y]) + 0.5) / ratios - 0.5).astype(int)
        for offset in ((0, 0), (2, -1)):
            coarse_offset = (np.array([x, y]) + 0.5 + offset) / ratios - 0.5 - [near_x, near_y]
            coarse = field.transforms[near_y, near_x] @ [*coarse_offset, 1]
            fine = finer.transforms[y, x] @ [*offset, 1]
            np.testing.assert_allclose((fine[:2] / fine[2] + 0.5) / ratios - 0.5, coarse[:2] / coarse[2], rtol=1e-5)
        assert finer.planes[y, x] == field.planes[near_y, near_x] and finer.transforms[y, x, 2, 2] == 1


def test_an_enlarged_field_stays_in_the_image():
    field = first_field(8, 8, 0)
    finer = enlarged(field, 10, 10)
    assert finer.transforms[..., :2, 2].min() == 2 and finer.transforms[..., :2, 2].max() == 7
