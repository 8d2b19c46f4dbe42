"""The loops over patches, compiled by numba: sampling, cost, random search, propagation and votes.

They stand in one file because numba's cache looks at the time of the file of the compiled function, and not at those
of the functions that it calls. They release the GIL, and those that fill a field take a range of lines, so that
threads can share the work (`search.py`).
"""

import math

import numpy as np
from numba import njit

from srlab.classics.selfexsr.arrays import Field, Level

RADIUS = 2  # patches of 5 x 5
SIDE = 2 * RADIUS + 1
MOST_BIAS = 0.25  # between the means of a patch and its source
LAMBDA_SCALE = 1e-3
LAMBDA_PLANE = 1e-3
CHANNELS = 3  # the weights of scale and plane are meant for the sum over RGB, of which there is only Y here
LARGEST_SCALE = 8.0
ROTATION, SHEAR, ZOOM = math.pi / 4, 0.05, 1.0  # ranges of the random affine change, before they shrink
SMALLEST_DEPTH = 0.1  # of a patch's corners; less is near the vanishing line, or behind it

_gauss = np.exp(-(np.arange(-RADIUS, RADIUS + 1) ** 2) / (2 * 3.0**2))
WEIGHTS = (np.outer(_gauss, _gauss) / _gauss.sum() ** 2).astype(np.float32)

compiled = njit(nogil=True, cache=True, error_model="numpy")  # a division by zero is infinite, and then not allowed


@compiled
def scale_of(transform: np.ndarray) -> float:
    """Returns by how much a transform enlarges at the centre: the root of the determinant of its derivative there."""
    x, y, h, k = transform[0, 2], transform[1, 2], transform[2, 0], transform[2, 1]
    a, b = transform[0, 0] - x * h, transform[0, 1] - x * k
    c, d = transform[1, 0] - y * h, transform[1, 1] - y * k
    return math.sqrt(abs(a * d - b * c))


@compiled
def same_side(line: np.ndarray, target_x: float, target_y: float, source_x: float, source_y: float) -> bool:
    """Says whether two points are on the same side of a vanishing line."""
    h, k = line[0], line[1]
    return (h * target_x + k * target_y + 1) * (h * source_x + k * source_y + 1) > 0


@compiled
def compose(
    line: np.ndarray,
    affine: np.ndarray,
    target_x: float,
    target_y: float,
    source_x: float,
    source_y: float,
    transform: np.ndarray,
) -> None:
    """Writes the transform between patches of one plane: an affine change, and then the perspective.

    On the rectified plane the patches differ by a translation: the map is P^-1 T P, with P = [1 0 0; 0 1 0; h k 1].
    (The second column of the authors' product has the affine part's second row in place of its first.)

    Args:
        line: (h, k), the vanishing line of the plane.
        affine: (2, 2).
        target_x, target_y, source_x, source_y: centres of the patches.
        transform: (3, 3), written.
    """
    h, k = line[0], line[1]
    depth, source_depth = h * target_x + k * target_y + 1, h * source_x + k * source_y + 1
    dx, dy = source_x / source_depth - target_x / depth, source_y / source_depth - target_y / depth
    dz = -(dx * h + dy * k)
    last = 1 + dz * depth
    for column in range(2):
        u, v = affine[0, column], affine[1, column]
        lift = h * u + k * v
        transform[0, column] = (u + dx * lift) / last
        transform[1, column] = (v + dy * lift) / last
        transform[2, column] = dz * lift / last
    transform[0, 2] = (target_x + dx * depth) / last
    transform[1, 2] = (target_y + dy * depth) / last
    transform[2, 2] = 1.0


@compiled
def moved(transform: np.ndarray, dx: int, dy: int, result: np.ndarray) -> None:
    """Writes the transform of the patch that is (dx, dy) pixels away, if its source continues this one."""
    for row in range(3):
        result[row, 0], result[row, 1] = transform[row, 0], transform[row, 1]
        result[row, 2] = transform[row, 0] * dx + transform[row, 1] * dy + transform[row, 2]
    depth = result[2, 2]
    for row in range(3):
        for column in range(3):
            result[row, column] /= depth


@compiled
def same_place(one: np.ndarray, other: np.ndarray) -> bool:
    """Says whether two sources have their centres less than a pixel apart, across and down."""
    return abs(one[0, 2] - other[0, 2]) < 1 and abs(one[1, 2] - other[1, 2]) < 1


@compiled
def sample(level: Level, transform: np.ndarray, patch: np.ndarray) -> None:
    """Reads a source patch by bilinear interpolation, where it has about one pixel of the source for one of its own.

    Outside of the image is its nearest pixel.

    Args:
        level: its sources are read.
        transform: (3, 3).
        patch: (5, 5), written.
    """
    coarser = round(math.log(scale_of(transform)) / math.log(level.step))
    row = min(max(coarser, 1), len(level.shapes)) - 1
    offset, height, width = level.shapes[row, 0], level.shapes[row, 1], level.shapes[row, 2]
    ratio_y, ratio_x = height / level.target.shape[0], width / level.target.shape[1]
    shift_x, shift_y = 0.5 * ratio_x - 0.5, 0.5 * ratio_y - 0.5  # the centre of pixel 0 is at 0 in both
    h, k = transform[2, 0], transform[2, 1]
    x_by_x, x_by_y = ratio_x * transform[0, 0] + shift_x * h, ratio_x * transform[0, 1] + shift_x * k
    y_by_x, y_by_y = ratio_y * transform[1, 0] + shift_y * h, ratio_y * transform[1, 1] + shift_y * k
    middle_x, middle_y = ratio_x * transform[0, 2] + shift_x, ratio_y * transform[1, 2] + shift_y
    pixels, parallel = level.pixels, h == 0 and k == 0
    for row in range(SIDE):
        for column in range(SIDE):
            dx, dy = column - RADIUS, row - RADIUS
            x, y = x_by_x * dx + x_by_y * dy + middle_x, y_by_x * dx + y_by_y * dy + middle_y
            if not parallel:
                depth = h * dx + k * dy + 1
                x, y = x / depth, y / depth
            x, y = min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)
            left, top = int(x), int(y)
            at = offset + top * width + left
            below = at + (width if top + 1 < height else 0)
            right = 1 if left + 1 < width else 0
            upper = pixels[at] + (x - left) * (pixels[at + right] - pixels[at])
            lower = pixels[below] + (x - left) * (pixels[below + right] - pixels[below])
            patch[row, column] = upper + (y - top) * (lower - upper)


@compiled
def appearance(target: np.ndarray, x: int, y: int, patch: np.ndarray) -> tuple[float, float]:
    """Returns the weighted squared distance of a patch to the target's, and the bias that was added to it first."""
    difference = 0.0
    for row in range(SIDE):
        for column in range(SIDE):
            difference += target[y + row - RADIUS, x + column - RADIUS] - patch[row, column]
    bias = min(max(difference / (SIDE * SIDE), -MOST_BIAS), MOST_BIAS)
    distance = 0.0
    for row in range(SIDE):
        for column in range(SIDE):
            one = target[y + row - RADIUS, x + column - RADIUS] - patch[row, column] - bias
            distance += WEIGHTS[row, column] * one * one
    return distance, bias


@compiled
def unlikely(log_planes: np.ndarray, x: int, y: int, plane: int, transform: np.ndarray) -> float:
    """Returns -log of the probability that target and source patch both lie on a plane."""
    _, height, width = log_planes.shape
    source_x = min(max(round(transform[0, 2]), 0), width - 1)
    source_y = min(max(round(transform[1, 2]), 0), height - 1)
    return -log_planes[plane, y, x] - log_planes[plane, source_y, source_x]


@compiled
def cost_of(level: Level, x: int, y: int, plane: int, transform: np.ndarray, patch: np.ndarray) -> tuple[float, float]:
    """Returns the cost of a transform by appearance, scale and plane, and the bias; patch is (5, 5), overwritten."""
    sample(level, transform, patch)
    distance, bias = appearance(level.target, x, y, patch)
    cost = CHANNELS * distance + LAMBDA_SCALE * max(0.0, level.step - scale_of(transform))
    return cost + LAMBDA_PLANE * unlikely(level.log_planes, x, y, plane, transform), bias


@compiled
def allowed(level: Level, transform: np.ndarray) -> bool:
    """Says whether a source has its centre in the image and an allowed scale, and lies before its vanishing line."""
    height, width = level.target.shape
    x, y = transform[0, 2], transform[1, 2]
    if not (RADIUS <= x <= width - 1 - RADIUS and RADIUS <= y <= height - 1 - RADIUS):
        return False
    if 1 - RADIUS * (abs(transform[2, 0]) + abs(transform[2, 1])) < SMALLEST_DEPTH:
        return False
    return level.step <= scale_of(transform) <= LARGEST_SCALE


@compiled
def costs(first: int, last: int, level: Level, field: Field) -> None:
    """Computes the cost and the bias of every patch in the rows first to last as they are."""
    patch = np.empty((SIDE, SIDE), np.float32)
    for y in range(first, last):
        for x in range(RADIUS, level.target.shape[1] - RADIUS):
            cost, bias = cost_of(level, x, y, field.planes[y, x], field.transforms[y, x], patch)
            field.costs[y, x], field.biases[y, x] = cost, bias


@compiled
def improved(
    level: Level,
    field: Field,
    x: int,
    y: int,
    plane: int,
    affine: np.ndarray,
    transform: np.ndarray,
    patch: np.ndarray,
) -> bool:
    """Gives a patch another transform if it costs less, and says whether it does; patch is (5, 5), overwritten."""
    cost, bias = cost_of(level, x, y, plane, transform, patch)
    if not cost < field.costs[y, x]:
        return False
    for row in range(3):
        for column in range(3):  # element by element: numba takes ten seconds to compile an array's assignment
            field.transforms[y, x, row, column] = transform[row, column]
    for row in range(2):
        for column in range(2):
            field.affines[y, x, row, column] = affine[row, column]
    field.planes[y, x], field.costs[y, x], field.biases[y, x] = plane, cost, bias
    return True


@compiled
def perturbed(affine: np.ndarray, draws: np.ndarray, shrink: int, result: np.ndarray) -> None:
    """Writes a random zoom, rotation and shear after an affine change.

    Args:
        affine: (2, 2).
        draws: four numbers in [0, 1).
        shrink: divides the ranges.
        result: (2, 2), written.
    """
    zoom = 1 + ZOOM * (draws[0] - 0.5) / shrink
    angle = ROTATION * (draws[1] - 0.5) / shrink
    across, along = SHEAR * (draws[2] - 0.5) / shrink, SHEAR * (draws[3] - 0.5) / shrink
    cosine, sine = math.cos(angle), math.sin(angle)
    a, b = zoom * (cosine - sine * along), zoom * (cosine * across - sine)
    c, d = zoom * (sine + cosine * along), zoom * (sine * across + cosine)
    for column in range(2):
        result[0, column] = a * affine[0, column] + b * affine[1, column]
        result[1, column] = c * affine[0, column] + d * affine[1, column]


@compiled
def drawn_plane(log_planes: np.ndarray, x: int, y: int, draw: float) -> int:
    """Returns a plane by its probability at a pixel; draw is in [0, 1)."""
    total = 0.0
    for plane in range(len(log_planes) - 1):
        total += math.exp(log_planes[plane, y, x])
        if draw < total:
            return plane
    return len(log_planes) - 1


@compiled
def random_search(
    first: int,
    last: int,
    level: Level,
    field: Field,
    updated: np.ndarray,
    radius: float,
    shrink: int,
    draws: np.ndarray,
) -> None:
    """Tries one random change of position, plane and affine part for every patch in the rows first to last.

    Args:
        first, last: rows, the last excluded.
        level: target and sources.
        field: changed in place.
        updated: (H, W), bool, set where the field is changed.
        radius: of the change of position, in pixels.
        shrink: divides the ranges of the affine change.
        draws: (H, W, 7), in [0, 1).
    """
    patch, affine = np.empty((SIDE, SIDE), np.float32), np.empty((2, 2), np.float32)
    transform = np.empty((3, 3), np.float32)
    for y in range(first, last):
        for x in range(RADIUS, level.target.shape[1] - RADIUS):
            draw = draws[y, x]
            source_x = field.transforms[y, x, 0, 2] + 2 * radius * (draw[0] - 0.5)
            source_y = field.transforms[y, x, 1, 2] + 2 * radius * (draw[1] - 0.5)
            plane = drawn_plane(level.log_planes, x, y, draw[6])
            if not same_side(level.lines[plane], x, y, source_x, source_y):
                continue
            perturbed(field.affines[y, x], draw[2:6], shrink, affine)
            compose(level.lines[plane], affine, x, y, source_x, source_y, transform)
            if allowed(level, transform) and improved(level, field, x, y, plane, affine, transform, patch):
                updated[y, x] = True


@compiled
def propagate(first: int, last: int, level: Level, field: Field, updated: np.ndarray, dx: int, dy: int) -> None:
    """Offers every patch what its neighbour at (-dx, -dy) has found in this iteration.

    The lines first to last run along the direction, rows for (1, 0) and (-1, 0), columns for (0, 1) and (0, -1), so
    that no line depends on another.
    """
    patch, transform = np.empty((SIDE, SIDE), np.float32), np.empty((3, 3), np.float32)
    length = level.target.shape[1] if dx else level.target.shape[0]
    for line in range(first, last):
        for place in range(RADIUS + 1, length - RADIUS):
            along = place if dx + dy > 0 else length - 1 - place
            x, y = (along, line) if dx else (line, along)
            near = y - dy, x - dx
            if not updated[near]:
                continue
            moved(field.transforms[near], dx, dy, transform)
            if same_place(transform, field.transforms[y, x]):
                continue
            plane, affine = field.planes[near], field.affines[near]
            if allowed(level, transform) and improved(level, field, x, y, plane, affine, transform, patch):
                updated[y, x] = True


@compiled
def vote(level: Level, field: Field) -> np.ndarray:
    """Returns (H, W), float32: the mean of all source patches that cover a pixel, weighted by their Gaussians."""
    height, width = level.target.shape
    patch = np.empty((SIDE, SIDE), np.float32)
    total, weight = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
    for y in range(RADIUS, height - RADIUS):
        for x in range(RADIUS, width - RADIUS):
            sample(level, field.transforms[y, x], patch)
            for row in range(SIDE):
                for column in range(SIDE):
                    at = y + row - RADIUS, x + column - RADIUS
                    total[at] += WEIGHTS[row, column] * (patch[row, column] + field.biases[y, x])
                    weight[at] += WEIGHTS[row, column]
    return total / weight
