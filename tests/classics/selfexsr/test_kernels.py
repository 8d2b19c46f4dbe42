"""The compiled kernels against NumPy and SciPy: transforms, sampling, cost, votes, and what a search may change."""

import math

import numpy as np
import pytest
from scipy import ndimage

from srlab.classics.selfexsr import kernels
from srlab.classics.selfexsr.arrays import Field, Level
from srlab.classics.selfexsr.field import first_field
from srlab.classics.selfexsr.kernels import RADIUS, SIDE, WEIGHTS

STEP = 2 ** (1 / 3)
OFFSETS = np.stack([*np.meshgrid(np.arange(-2.0, 3), np.arange(-2.0, 3)), np.ones((5, 5))])  # x, y, 1


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def level(rng, height=20, width=26, planes=1) -> Level:
    """A random target, three random sources and planes that are all equally likely somewhere."""
    sides = [(round(height / STEP**k), round(width / STEP**k)) for k in (1, 2, 3)]
    sources = [rng.random(side, np.float32) for side in sides]
    offsets = np.cumsum([0, *(source.size for source in sources)])
    shapes = np.array([(offset, *side) for offset, side in zip(offsets, sides, strict=False)])
    lines = (rng.random((planes, 2)) * 0.01 - 0.002).astype(np.float32)
    lines[-1] = 0
    probability = rng.random((planes, height, width)) + 0.1
    log_planes = np.log(probability / probability.sum(axis=0)).astype(np.float32)
    pixels = np.concatenate([source.ravel() for source in sources])
    return Level(rng.random((height, width), np.float32), pixels, shapes, STEP, lines, log_planes)


def source(level: Level, row: int) -> np.ndarray:
    offset, height, width = level.shapes[row]
    return level.pixels[offset : offset + height * width].reshape(height, width)


def transform(rng, perspective=0.01, x=12.0, y=9.0) -> np.ndarray:
    matrix = np.eye(3) * 1.6 + rng.normal(0, 0.1, (3, 3))
    matrix[2, :2] = rng.normal(0, perspective, 2)
    matrix[:, 2] = x, y, 1
    return matrix.astype(np.float32)


def applied(matrix: np.ndarray, x: float, y: float) -> np.ndarray:
    result = matrix.astype(float) @ [x, y, 1]
    return result[:2] / result[2]


def sampled(level: Level, matrix: np.ndarray, row: int) -> np.ndarray:
    """A patch by SciPy's bilinear interpolation."""
    x, y, depth = np.einsum("ij,jyx->iyx", matrix.astype(float), OFFSETS)
    image = source(level, row).astype(float)
    ratios = [own / whole for own, whole in zip(image.shape, level.target.shape, strict=True)]
    at = [(position / depth + 0.5) * ratio - 0.5 for position, ratio in zip((y, x), ratios, strict=True)]
    return ndimage.map_coordinates(image, at, order=1, mode="nearest")


def test_weights_are_a_gaussian_that_sums_to_one():
    y, x = np.mgrid[-2:3, -2:3]
    expected = np.exp(-(x**2 + y**2) / 18)
    np.testing.assert_allclose(WEIGHTS, expected / expected.sum(), rtol=1e-6)


@pytest.mark.parametrize("line", [(0.0, 0.0), (0.004, -0.002)])
def test_a_plane_is_a_translation_where_it_is_rectified(line, rng):
    affine = (np.eye(2) * 1.5 + rng.normal(0, 0.1, (2, 2))).astype(np.float32)
    target, place, found = (11.0, 7.0), (30.0, 21.0), np.zeros((3, 3), np.float32)
    kernels.compose(np.array(line, np.float32), affine, *target, *place, found)
    rectify = np.array([[1, 0, 0], [0, 1, 0], [*line, 1]])
    shift, start = np.eye(3), np.eye(3)
    shift[:2, 2] = applied(rectify, *place) - applied(rectify, *target)
    start[:2, 2] = target
    linear = np.eye(3)
    linear[:2, :2] = affine
    expected = np.linalg.inv(rectify) @ shift @ rectify @ start @ linear
    np.testing.assert_allclose(found, expected / expected[2, 2], atol=1e-5)
    np.testing.assert_allclose(found[:2, 2], place, atol=1e-5)


def test_scale_is_the_root_of_the_jacobian(rng):
    for _ in range(5):
        matrix, tiny = transform(rng, 0.02).astype(float), 1e-5
        columns = [(applied(matrix, *end) - applied(matrix, 0, 0)) / tiny for end in ((tiny, 0), (0, tiny))]
        expected = math.sqrt(abs(np.linalg.det(np.stack(columns))))
        assert kernels.scale_of(matrix.astype(np.float32)) == pytest.approx(expected, rel=1e-3)


def test_a_neighbour_continues_the_source(rng):
    matrix, found = transform(rng), np.empty((3, 3), np.float32)
    kernels.moved(matrix, 1, -1, found)
    assert found[2, 2] == 1
    for x, y in ((0, 0), (2, -1), (-2, 2)):
        np.testing.assert_allclose(applied(found, x, y), applied(matrix, x + 1, y - 1), rtol=1e-5)


@pytest.mark.parametrize(("zoom", "row"), [(1.3, 0), (1.55, 1), (2.1, 2), (7.0, 2), (0.9, 0)])
def test_a_patch_is_read_where_it_has_its_scale(zoom, row, rng):
    images, matrix, found = level(rng), transform(rng), np.empty((5, 5), np.float32)
    matrix[:2, :2] *= zoom / kernels.scale_of(matrix)
    matrix[2, :2] = 0
    kernels.sample(images, matrix, found)
    np.testing.assert_allclose(found, sampled(images, matrix, row), atol=1e-5)


@pytest.mark.parametrize("place", [(12.0, 9.0), (1.0, 1.5), (25.0, 19.0)])
def test_a_patch_in_perspective_and_over_the_border(place, rng):
    images, found = level(rng), np.empty((5, 5), np.float32)
    matrix = transform(rng, 0.03, *place)
    kernels.sample(images, matrix, found)
    row = min(max(round(math.log(kernels.scale_of(matrix)) / math.log(STEP)), 1), 3) - 1
    np.testing.assert_allclose(found, sampled(images, matrix, row), atol=1e-5)


@pytest.mark.parametrize("difference", [0.1, -0.2, 0.4, -0.5])
def test_appearance_forgives_a_bias_up_to_a_quarter(difference, rng):
    target = rng.random((9, 9), np.float32) * 0.1 + 0.5
    patch = target[2:7, 3:8] - np.float32(difference) + rng.random((5, 5), np.float32) * 0.01
    distance, bias = kernels.appearance(target, 5, 4, patch)
    expected = float(np.clip((target[2:7, 3:8] - patch).mean(), -0.25, 0.25))
    assert bias == pytest.approx(expected, abs=1e-6)
    assert distance == pytest.approx((WEIGHTS * (target[2:7, 3:8] - patch - expected) ** 2).sum(), rel=1e-4)


def test_cost_is_the_sum_of_appearance_scale_and_plane(rng):
    images, matrix, patch = level(rng, planes=3), transform(rng, 0.0), np.empty((5, 5), np.float32)
    matrix[:2, :2] *= 0.9 / kernels.scale_of(matrix)  # a source that is too small pays for it
    cost, bias = kernels.cost_of(images, 8, 6, 1, matrix, patch)
    read = sampled(images, matrix, 0)
    difference = images.target[4:9, 6:11] - read
    appearance = 3 * (WEIGHTS * (difference - difference.mean()) ** 2).sum()
    plane = -images.log_planes[1, 6, 8] - images.log_planes[1, 9, 12]
    assert cost == pytest.approx(appearance + 1e-3 * (STEP - 0.9) + 1e-3 * plane, rel=1e-4)
    assert bias == pytest.approx(difference.mean(), abs=1e-5)


def test_sources_that_are_not_allowed(rng):
    images = level(rng)

    def allowed(scale=1.5, x=12.0, y=9.0, h=0.0, k=0.0):
        matrix = np.array([[scale, 0, x], [0, scale, y], [h, k, 1]], np.float32)
        return kernels.allowed(images, matrix)

    assert allowed() and allowed(x=2.0, y=17.0) and allowed(scale=7.9) and allowed(h=0.001)
    assert not any((allowed(x=1.9), allowed(y=17.1), allowed(scale=1.2), allowed(scale=8.1), allowed(h=0.46)))
    assert not any((allowed(x=math.nan), allowed(scale=math.inf), allowed(h=math.nan)))
    line = np.array([-0.1, 0], np.float32)
    assert kernels.same_side(line, 1, 1, 9, 5) and not kernels.same_side(line, 1, 1, 11, 5)


def test_random_affine_changes_follow_the_one_before(rng):
    before, found = transform(rng)[:2, :2], np.empty((2, 2), np.float32)
    draws = np.array([0.9, 0.2, 0.7, 0.4])
    kernels.perturbed(before, draws, 2, found)
    angle, across, along = math.pi / 4 * -0.15, 0.05 * 0.1, 0.05 * -0.05
    rotation = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    expected = 1.2 * rotation @ np.array([[1, across], [along, 1]]) @ before
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_planes_are_drawn_by_their_probability():
    log_planes = np.log(np.array([0.2, 0.5, 0.3]))[:, None, None]
    drawn = [kernels.drawn_plane(log_planes, 0, 0, draw) for draw in (0.0, 0.19, 0.21, 0.69, 0.71, 0.99)]
    assert drawn == [0, 0, 1, 1, 2, 2]


def costs_of(images: Level, field: Field) -> np.ndarray:
    again = field._replace(costs=np.zeros_like(field.costs), biases=np.zeros_like(field.biases))
    kernels.costs(RADIUS, len(field.costs) - RADIUS, images, again)
    return again.costs


def test_search_only_improves_and_keeps_the_books(rng):
    """After each kernel the costs are those of the transforms, none is higher, and what changed is marked."""
    images = level(rng, planes=2)
    height, width = images.target.shape
    field = first_field(height, width, 1)
    kernels.costs(RADIUS, height - RADIUS, images, field)
    updated = np.zeros((height, width), bool)
    before = field.costs.copy()
    draws = rng.random((height, width, 7), np.float32)
    kernels.random_search(RADIUS, height - RADIUS, images, field, updated, 6.0, 2, draws)
    assert updated.any() and set(np.unique(field.planes)) == {0, 1}
    for dx, dy in ((1, 0), (0, 1), (-1, 0), (0, -1)):
        np.testing.assert_array_equal(field.costs < before, updated)
        np.testing.assert_allclose(field.costs, costs_of(images, field), rtol=1e-5)
        count = updated.sum()
        kernels.propagate(RADIUS, (height if dx else width) - RADIUS, images, field, updated, dx, dy)
        assert updated.sum() > count


def test_propagation_reaches_all_that_one_patch_knows(rng):
    """Part of the target is a coarser image, pixel by pixel. One knows, its neighbours follow, then theirs."""
    coarse, target = rng.random((18, 20), np.float32), rng.random((27, 30), np.float32)
    target[4:22, 5:25] = coarse
    plane, lines = np.zeros((1, 27, 30), np.float32), np.zeros((1, 2), np.float32)
    images = Level(target, coarse.ravel(), np.array([(0, 18, 20)]), 1.4, lines, plane)
    field, updated = first_field(27, 30, 0), np.zeros((27, 30), bool)
    field.transforms[..., :2, 2] = 27, 2  # no patch begins near its truth
    x, y = ((place + 0.5) * 1.5 - 0.5 for place in (14 - 5, 12 - 4))
    field.transforms[12, 14], updated[12, 14] = [[1.5, 0, x], [0, 1.5, y], [0, 0, 1]], True
    kernels.costs(RADIUS, 25, images, field)
    assert (field.costs[6:20, 7:23] < 1e-8).sum() == 1
    for dx, dy in ((1, 0), (0, 1), (-1, 0), (0, -1)):
        kernels.propagate(RADIUS, 25 if dx else 28, images, field, updated, dx, dy)
    assert (field.costs[6:20, 7:23] < 1e-8).all()


def test_votes_are_the_weighted_mean_of_all_patches(rng):
    images = level(rng, 9, 11)
    field = first_field(9, 11, 0)
    field.transforms[..., :2, :2] += rng.normal(0, 0.1, (9, 11, 2, 2)).astype(np.float32)
    field.biases[:] = rng.normal(0, 0.05, (9, 11))
    total, weight = np.zeros((9, 11)), np.zeros((9, 11))
    patch = np.empty((SIDE, SIDE), np.float32)
    for y in range(2, 7):
        for x in range(2, 9):
            kernels.sample(images, field.transforms[y, x], patch)
            total[y - 2 : y + 3, x - 2 : x + 3] += WEIGHTS * (patch + field.biases[y, x])
            weight[y - 2 : y + 3, x - 2 : x + 3] += WEIGHTS
    np.testing.assert_allclose(kernels.vote(images, field), total / weight, rtol=1e-5)
