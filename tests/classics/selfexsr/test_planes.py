"""Segments, vanishing points and planes of pictures whose geometry is known."""

import numpy as np
import pytest

from srlab.classics.selfexsr.line_segments import line_segments
from srlab.classics.selfexsr.planes import frontal, planes_of
from srlab.classics.selfexsr.vanishing_points import vanishing_points

HEIGHT, WIDTH = 120, 160


def board(line=(0.004, -0.002), turn=0.3, square=12.0) -> np.ndarray:
    """A chessboard on a plane with this vanishing line, 4 x 4 samples for each pixel."""
    y, x = np.mgrid[: 4 * HEIGHT, : 4 * WIDTH] / 4 - 0.375
    depth = line[0] * x + line[1] * y + 1
    u = (np.cos(turn) * x + np.sin(turn) * y) / depth
    v = (np.cos(turn) * y - np.sin(turn) * x) / depth
    squares = (np.floor(u / square) + np.floor(v / square)) % 2
    return squares.reshape(HEIGHT, 4, WIDTH, 4).mean((1, 3)) * 0.8 + 0.1


def directions(line=(0.004, -0.002), turn=0.3) -> list[np.ndarray]:
    """The chessboard's vanishing points, homogeneous."""
    unrectify = np.linalg.inv([[1, 0, 0], [0, 1, 0], [*line, 1]])
    ends = ((np.cos(turn), np.sin(turn), 0), (-np.sin(turn), np.cos(turn), 0))
    return [unrectify @ end for end in ends]


def angle(one: np.ndarray, other: np.ndarray) -> float:
    """Between two points as they are seen from the middle of the image, in degrees."""
    middle = np.array([(WIDTH - 1) / 2, (HEIGHT - 1) / 2])
    a, b = (point[:2] - point[2] * middle for point in (one, other))
    return float(np.degrees(np.arccos(abs(a @ b) / np.linalg.norm(a) / np.linalg.norm(b))))


def test_the_edges_of_a_bar_are_segments():
    y, x = np.mgrid[:60, :80]
    along, across = (x - 40) * 0.8 + (y - 30) * 0.6, (y - 30) * 0.8 - (x - 40) * 0.6
    bar = np.clip(0.5 + 6 - abs(across), 0, 1) * np.clip(0.5 + 20 - abs(along), 0, 1)
    found = line_segments(bar)
    assert found.lengths.tolist() == sorted(found.lengths, reverse=True)
    assert (np.abs(found.directions[:2] @ [0.8, 0.6]) > 0.999).all() and (abs(found.lengths[:2] - 40) < 4).all()
    sides = sorted((middle - [40, 30]) @ [-0.6, 0.8] for middle in found.middles[:2])
    np.testing.assert_allclose(sides, [-6, 6], atol=0.3)


def test_a_flat_image_has_no_segments_and_no_planes():
    flat = np.full((30, 40), 0.5)
    assert len(line_segments(flat).lengths) == 0
    assert vanishing_points(line_segments(flat), 30, 40) == []
    assert planes_of(flat).lines.tolist() == [[0, 0]]


def test_a_chessboard_in_perspective_has_two_vanishing_points():
    found = vanishing_points(line_segments(board()), HEIGHT, WIDTH)
    assert len(found) == 2
    for expected in directions():
        assert min(angle(point.position, expected) for point in found) < 2.5
        assert min(len(point.segments.lengths) for point in found) > 20


def test_its_plane_has_their_line_and_is_likely():
    found = planes_of(board())
    assert found.lines.shape == (2, 2) and found.lines[-1].tolist() == [0, 0]
    # The line is right where it matters: how much nearer one corner of the image is than another.
    corners = np.array([[0, 0], [WIDTH, 0], [0, HEIGHT], [WIDTH, HEIGHT]])
    depths = [corners @ line + 1 for line in (found.lines[0], np.array([0.004, -0.002]))]
    np.testing.assert_allclose(*depths, rtol=0.1)
    probability = np.exp(found.log_probability)
    np.testing.assert_allclose(probability.sum(axis=0), 1, rtol=1e-5)
    assert probability[0].mean() > 0.8


def test_noise_has_no_planes():
    assert len(planes_of(np.random.default_rng(0).random((HEIGHT, WIDTH))).lines) == 1


@pytest.mark.parametrize("size", [(HEIGHT, WIDTH), (190, 254), (50, 61)])
def test_planes_at_another_size(size):
    """Points of the vanishing line stay on it, and the depths of two points keep their ratio."""
    planes = planes_of(board())
    there = planes.at_size(*size)
    assert there.log_probability.shape == (2, *size)
    np.testing.assert_allclose(np.exp(there.log_probability).sum(axis=0), 1, rtol=1e-5)
    points = np.array([[10.0, 20], [100, 50], [70, 110]])
    moved = (points + 0.5) * [size[1] / WIDTH, size[0] / HEIGHT] - 0.5
    before, after = points @ planes.lines[0] + 1, moved @ there.lines[0] + 1
    np.testing.assert_allclose(after / after[0], before / before[0], rtol=1e-4)
    assert there.lines[1].tolist() == [0, 0]


def test_the_plane_that_faces_the_camera_is_certain():
    assert frontal(4, 5).log_probability.shape == (1, 4, 5) and not frontal(4, 5).log_probability.any()
