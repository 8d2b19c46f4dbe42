"""Vanishing points: where the lines of one direction in space meet."""

from dataclasses import dataclass

import numpy as np

from srlab.classics.selfexsr.line_segments import Segments

MOST = 3
FEWEST_SEGMENTS = 5
SMALLEST_SHARE = 0.1  # of the length of all segments; with less, chance finds a point in any photo
TOLERANCE = np.deg2rad(2.0)  # between a segment and its direction to the point
MOST_SEGMENTS = 500  # the longest, which bounds memory
HYPOTHESES = 100  # the longest segments, of which every two are a hypothesis


@dataclass(frozen=True)
class VanishingPoint:
    """A point and the segments that point to it.

    Attributes:
        position: (3,), homogeneous, of length 1: the last is 0 for a point at infinity.
        segments: its own.
    """

    position: np.ndarray
    segments: Segments


def vanishing_points(segments: Segments, height: int, width: int) -> list[VanishingPoint]:
    """Finds up to three points, one after the other: that with the longest segments in total, which then leave.

    The paper's RANSAC draws pairs of segments as hypotheses. Here all pairs of the longest are tried, so nothing is
    random.

    Args:
        segments: of an image.
        height, width: of the image.

    Returns:
        Points with at least five segments and a tenth of the length of all, the best first.
    """
    found: list[VanishingPoint] = []
    segments = segments.without(np.arange(len(segments.lengths)) >= MOST_SEGMENTS)
    least = SMALLEST_SHARE * segments.lengths.sum()
    centred = np.array([[1, 0, -(width - 1) / 2], [0, 1, -(height - 1) / 2], [0, 0, max(height, width) / 2]])
    while len(found) < MOST and len(segments.lengths) >= FEWEST_SEGMENTS:
        lines = _lines(segments, centred)
        first, second = np.triu_indices(min(len(lines), HYPOTHESES), 1)
        candidates = np.cross(lines[first], lines[second])
        scores = _agree(segments, candidates, centred) @ segments.lengths
        agreeing = _agree(segments, candidates[[scores.argmax()]], centred)[0]
        refined = _meeting_point(lines[agreeing], segments.lengths[agreeing])
        agreeing = _agree(segments, refined[None], centred)[0]
        if agreeing.sum() < FEWEST_SEGMENTS or segments.lengths[agreeing].sum() < least:
            break
        position = np.linalg.solve(centred, refined)
        found.append(VanishingPoint(position / np.linalg.norm(position), segments.without(~agreeing)))
        segments = segments.without(agreeing)
    return found


def _lines(segments: Segments, centred: np.ndarray) -> np.ndarray:
    """Returns the (n, 3) lines through the segments, with normals of length 1, in coordinates of about 1."""
    middles = np.concatenate([segments.middles, np.ones((len(segments.middles), 1))], axis=1) @ centred.T
    directions = np.concatenate([segments.directions, np.zeros((len(segments.middles), 1))], axis=1) @ centred.T
    lines = np.cross(middles, directions)
    return lines / np.linalg.norm(lines[:, :2], axis=1, keepdims=True)


def _agree(segments: Segments, points: np.ndarray, centred: np.ndarray) -> np.ndarray:
    """Says which segments (columns) point to which points (rows), these in the centred coordinates."""
    middles = np.concatenate([segments.middles, np.ones((len(segments.middles), 1))], axis=1) @ centred.T
    toward = points[:, None, :2] * middles[None, :, 2:] - points[:, None, 2:] * middles[None, :, :2]
    x, y = segments.directions.T
    sine = np.abs(toward[..., 0] * y - toward[..., 1] * x)
    return sine < np.sin(TOLERANCE) * np.linalg.norm(toward, axis=2)


def _meeting_point(lines: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Returns the point that is nearest to all lines, weighted by their lengths: the smallest singular vector."""
    return np.linalg.svd(lines * lengths[:, None])[2][2]
