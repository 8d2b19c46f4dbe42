"""A figure of the networks between two: PSNR against perceived quality, or against alpha."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from srlab.evaluation.measure import ResultRow
from srlab.evaluation.metric_plane import scatter
from srlab.evaluation.plotting import Point
from srlab.metrics.metric import PSNR, Metric


def draw_curve(rows: Sequence[ResultRow], alphas: Mapping[str, float], ends: tuple[str, str], path: Path) -> None:
    """Writes a figure of PSNR and the first perceptual metric that was measured, with points named by alpha.

    Without a perceptual metric it is of alpha and PSNR; without PSNR, of alpha and the first metric.

    Args:
        rows: of all the networks.
        alphas: by the methods' labels.
        ends: labels of the networks at 0 and at 1.
        path: of the PNG file.
    """
    metrics = {metric.name: metric for row in rows for metric in row.metrics}
    perceptual = [metric for metric in metrics.values() if metric.better == "lower"]
    plane = bool(perceptual) and PSNR.metric.name in metrics
    if plane:
        across, up = PSNR.metric, perceptual[0]
    else:
        across = Metric("alpha", f"α, from {ends[0]} (0) to {ends[1]} (1)", better=None, digits=2)
        up = metrics.get(PSNR.metric.name) or next(iter(metrics.values()))
    scatter(curve(rows, alphas, across, up), across, up, path, joined=True, named=plane)


def curve(
    rows: Sequence[ResultRow], alphas: Mapping[str, float], across: Metric, up: Metric
) -> dict[str, dict[str, Point]]:
    """Returns for every set and scale the points by alpha, from 0 to 1, finite or not."""
    panels: dict[str, dict[str, Point]] = {}
    for row in sorted(rows, key=lambda row: alphas[row.method.removesuffix("+")]):
        alpha = alphas[row.method.removesuffix("+")]
        values = {**row.means, "alpha": alpha}
        point = values[across.name], values[up.name]
        panels.setdefault(f"{row.set} x{row.scale}, protocol {row.protocol}", {})[f"α = {alpha:g}"] = point
    return panels
