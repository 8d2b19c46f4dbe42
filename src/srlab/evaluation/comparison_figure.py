"""A figure that compares methods side by side on crops of images."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from srlab.data.image_sets import ImageSet
from srlab.evaluation.measure import EvaluationSettings, Method, super_resolved
from srlab.evaluation.plotting import DPI, plt, save
from srlab.evaluation.windows import heaviest, squared_error
from srlab.imaging.files import as_8_bit, to_array
from srlab.imaging.resize import imresize
from srlab.labels import in_figure

CROP = 72  # HR pixels
SHOWN = 3  # images in one figure


def telling_crop(approximation: np.ndarray, hr: np.ndarray, size: int = CROP) -> tuple[int, int]:
    """Finds the window in which an approximation is furthest from the truth: there methods differ.

    Args:
        approximation: bicubic, so that the choice favours no method; (H, W) or (H, W, C), uint8.
        hr: the truth, likewise.
        size: side of the window in pixels; that of the image where it is smaller.

    Returns:
        (top, left).
    """
    return heaviest(squared_error(approximation, hr), size)


def comparison(
    methods: Sequence[tuple[str, Method]],
    image_set: ImageSet,
    scale: int,
    settings: EvaluationSettings,
    path: Path,
) -> None:
    """Writes a figure: of each of the first images the whole, and one crop of LR, every method and HR, with PSNR.

    Args:
        methods: (label, method), in the order of columns.
        image_set: of which SHOWN images are shown.
        scale: all methods have it.
        settings: how methods are run and measured.
        path: of the PNG file.
    """
    count = min(SHOWN, len(image_set.pictures))
    figure, axes = plt.subplots(
        count, len(methods) + 3, figsize=(2.6 * (len(methods) + 3), 2.85 * count), squeeze=False, layout="constrained"
    )
    for row in range(count):
        _comparison_row(axes[row], methods, image_set, row, scale, settings)
    save(figure, path, DPI)


def _comparison_row(
    axes: np.ndarray,
    methods: Sequence[tuple[str, Method]],
    image_set: ImageSet,
    index: int,
    scale: int,
    settings: EvaluationSettings,
) -> None:
    pair = image_set.pair(index, scale, settings.protocol)
    nearest = imresize(to_array(pair.lr), scale, "nearest")
    top, left = telling_crop(imresize(to_array(pair.lr), scale), pair.hr)
    panels = [(nearest, f"LR (x{scale} smaller)")]
    for label, method in methods:
        sr = super_resolved(method, image_set, index, pair, settings)
        quality = settings.protocol.measure(sr, pair.hr, scale)
        panels.append((as_8_bit(sr), f"{settings.name(label, method)}\n{quality.psnr:.2f} dB / {quality.ssim:.4f}"))
    panels.append((pair.hr, "HR"))
    _show(axes[0], pair.hr, pair.name)
    axes[0].add_patch(Rectangle((left, top), CROP, CROP, fill=False, edgecolor="red", linewidth=1.5))
    for axis, (image, title) in zip(axes[1:], panels, strict=True):
        _show(axis, image[top : top + CROP, left : left + CROP], title)


def _show(axis: Axes, image: np.ndarray, title: str) -> None:
    axis.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axis.set_xlabel("\n".join(map(in_figure, title.split("\n"))), fontsize=10)
    axis.set_xticks([])
    axis.set_yticks([])
