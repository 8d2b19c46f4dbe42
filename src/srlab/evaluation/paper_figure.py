"""A figure as papers on super-resolution print it: an image, and a window of it enlarged, by every method and of HR.

As figure 6 of EDSR (Lim et al. 2017) and figure 5 of RCAN (Zhang et al. 2018).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from PIL import Image

from srlab.evaluation.figure_layout import LINE, BlockLayout, Box, Shown, block_layout, density
from srlab.evaluation.figure_text import Words, fitting_size, write_line
from srlab.evaluation.plotting import plt, write
from srlab.evaluation.windows import Window
from srlab.metrics.metric import PSNR, SSIM, Metric, Quality

SHOWN = (PSNR.metric, SSIM.metric)
FRAME = "#ff1a1a"  # around the window
BETWEEN = 0.12  # inches from one image's block to the next
ABOVE = 0.03  # inches between a picture and the text below it
HIDDEN = 1e-4  # of a pixel: keeps what is computed from inches from being rounded down to a pixel less


@dataclass(frozen=True)
class Panel:
    """The result of a method.

    Attributes:
        name: below its crop.
        image: all of it, uint8 (H, W) or (H, W, 3).
        quality: of all of it.
    """

    name: str
    image: np.ndarray
    quality: Quality


@dataclass(frozen=True)
class Block:
    """An image, and what the methods made of it.

    Attributes:
        caption: below the image; in two lines, after a colon, where it is narrow.
        hr: uint8 (H, W) or (H, W, 3).
        panels: of all methods, each of HR's size.
        window: that is enlarged.
    """

    caption: str
    hr: np.ndarray
    panels: tuple[Panel, ...]
    window: Window

    @property
    def shown(self) -> Shown:
        """What its layout depends on."""
        return Shown(self.hr.shape[0], self.hr.shape[1], self.window, len(self.panels) + 1)


def draw_paper_figure(blocks: Sequence[Block], path: Path, width: float = 7.0, dpi: int = 300) -> None:
    """Writes a figure with a block for every image, one below the other.

    Crops are enlarged by a whole number, without smoothing. The best PSNR and SSIM among the methods are bold.

    Args:
        blocks: the images.
        path: ends in .png, .pdf or .svg.
        width: in inches.
        dpi: pixels to the inch, of pictures in a PDF too: at least, since a pixel of HR becomes a whole number of them.

    Raises:
        SrlabError: a crop has more pixels than its place in the figure.
    """
    dpi = density([block.shown for block in blocks], width, dpi)
    layouts = [block_layout(block.shown, width, dpi) for block in blocks]
    between = round(BETWEEN * dpi)
    height = sum(layout.height for layout in layouts) + between * (len(blocks) - 1)
    figure = plt.figure(figsize=((round(width * dpi) + HIDDEN) / dpi, (height + HIDDEN) / dpi), dpi=dpi)
    try:
        lines = [_lines(block) for block in blocks]
        narrowest = min(layout.crops[0].width for layout in layouts)
        size = fitting_size([line for pairs in lines for pair in pairs for line in pair], narrowest / dpi * 72)
        canvas = _Canvas(figure, dpi, height, size)
        top = 0
        for block, layout, pairs in zip(blocks, layouts, lines, strict=True):
            _draw_block(canvas, block, layout, pairs, top)
            top += layout.height + between
        write(figure, path, dpi)
    finally:
        plt.close(figure)


def _lines(block: Block) -> list[tuple[Words, Words]]:
    """Returns two lines for every crop, HR's first: what it is called, and how good it is."""
    lines = [(Words(("HR",)), Words(("PSNR / SSIM",)))]
    best = {metric.name: _best([panel.quality[metric.name] for panel in block.panels], metric) for metric in SHOWN}
    for panel in block.panels:
        texts = [metric.text(panel.quality[metric.name]) for metric in SHOWN]
        bold = [text == best[metric.name] for text, metric in zip(texts, SHOWN, strict=True)]
        lines.append((Words((panel.name,)), Words((texts[0], " / ", texts[1]), (bold[0], False, bold[1]))))
    return lines


def _best(values: Sequence[float], metric: Metric) -> str | None:
    """Returns the highest value as it is printed; None where there is nothing to choose from."""
    numbers = [value for value in values if not math.isnan(value)]
    return metric.text(max(numbers)) if len(values) > 1 and numbers else None


@dataclass(frozen=True)
class _Canvas:
    """A figure whose places are counted in its pixels from the top left."""

    figure: Figure
    dpi: int
    height: int
    size: float  # of text, in points

    def picture(self, image: np.ndarray, box: Box, top: int) -> Axes:
        """Shows an image that has as many pixels as the box."""
        width, height = self.figure.get_size_inches() * self.dpi
        bottom = self.height - top - box.top - box.height
        axes = self.figure.add_axes((box.left / width, bottom / height, box.width / width, box.height / height))
        colours = image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)  # a colour map is off by one
        axes.imshow(colours, interpolation="none", aspect="auto")
        axes.set_axis_off()
        return axes

    def wrapped(self, caption: str, box: Box) -> list[Words]:
        """Returns a caption as one line where it has room below a box, else as two: up to a colon, and after it."""
        whole = Words((caption,))
        if whole.width(self.size) <= box.width / self.dpi * 72:
            return [whole]
        before, colon, after = caption.partition(": ")
        return [Words((part,)) for part in (f"{before}{colon}".rstrip(), after) if part]

    def line(self, words: Words, box: Box, top: int, number: int) -> None:
        """Writes a line below a box: the first (0), or the one below that (1)."""
        base = (self.height - top - box.top - box.height) / self.dpi - (number + 0.8) * LINE - ABOVE
        middle = (box.left + box.width / 2) / self.dpi
        write_line(self.figure, words, self.size, (middle, base), box.width / self.dpi)


def _draw_block(
    canvas: _Canvas, block: Block, layout: BlockLayout, lines: Sequence[tuple[Words, Words]], top: int
) -> None:
    whole = canvas.picture(_resized(block.hr, layout.whole), layout.whole, top)
    _frame(whole, block.window, layout.whole.width / block.hr.shape[1])
    for number, words in enumerate(canvas.wrapped(block.caption, layout.whole)):
        canvas.line(words, layout.whole, top, number)
    images = [block.hr, *(panel.image for panel in block.panels)]
    for image, box, pair in zip(images, layout.crops, lines, strict=True):
        crop = block.window.of(image)
        canvas.picture(crop.repeat(layout.factor, axis=0).repeat(layout.factor, axis=1), box, top)
        for number, words in enumerate(pair):
            canvas.line(words, box, top, number)


def _resized(image: np.ndarray, box: Box) -> np.ndarray:
    """Resizes to the pixels of a box, smoothly."""
    return np.asarray(Image.fromarray(image).resize((box.width, box.height), Image.Resampling.LANCZOS))


def _frame(axes: Axes, window: Window, scale: float) -> None:
    """Marks a window; scale: pixels of the figure to one of HR."""
    left, top, width, height = (scale * side for side in window)
    axes.add_patch(
        Rectangle(
            (left - 0.5, top - 0.5),
            width,
            height,
            fill=False,
            edgecolor=FRAME,
            linewidth=1.0,
            path_effects=[withStroke(linewidth=1.8, foreground="white")],
        )
    )
