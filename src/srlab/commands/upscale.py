"""`srlab upscale IN OUT`: photos become larger photos.

    srlab upscale photo.jpg large.png
    srlab upscale photo.jpg large.png --clean
    srlab upscale photos/ out/ scale=4
    srlab upscale photo.jpg out.webp size=3840x2160 quality=90
    srlab upscale photos/ out/ model=vdsr scale=3
    srlab upscale photos/ out/ ckpt=runs/demo format=jpg name='{name}_large'

IN is a photo (PNG, JPEG, WebP, TIFF, BMP, GIF, AVIF; with the extra `photos` HEIC and JPEG XL) or a folder of them. An
input is never overwritten. A folder that was interrupted goes on where it stopped: results that are there are left as
they are.
"""

import math
from collections.abc import Sequence
from typing import Any

from srlab.commands.arguments import Option, Place, Tool, path, yes_or_no
from srlab.console import reported


def main(words: Sequence[str] | None = None) -> int:
    """Runs the command; 1 where a photo failed, 130 where it was interrupted."""
    with reported():
        return TOOL.main(words)


def _upscale(values: dict[str, Any]) -> int:
    from srlab.commands.upscaled_photos import run  # noqa: PLC0415 - imports PyTorch: --help answers at once

    return run(values)


def _tile(text: str) -> int | str | None:
    if text in ("auto", "null"):
        return None if text == "null" else text
    return _at_least_one(text)


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _scale(text: str) -> float:
    number = float(text)
    if not (math.isfinite(number) and number > 0):
        raise ValueError(text)
    return number


def _quality(text: str) -> int | str:
    if text == "lossless":
        return text
    if not 1 <= int(text) <= 100:
        raise ValueError(text)
    return int(text)


TOOL = Tool(
    name="srlab upscale",
    about=str(__doc__),
    places=(
        Place("IN", "a photo, or a folder of photos with all folders in it"),
        Place("OUT", "a file, whose suffix says its format, or a folder"),
    ),
    options=(
        Option("scale", "by which both sides grow, such as 4 or 2.7; 2 where the network has it", _scale),
        Option("size", "WIDTHxHEIGHT of results in pixels, such as 3840x2160; 3840x and x2160 keep proportions"),
        Option("ckpt", "a checkpoint, a run's folder, weights, pretrained:NAME, or USER/NAME of the hub"),
        Option(
            "clean", "the network that was trained on generated images alone, free of others' terms", yes_or_no, False
        ),
        Option("model", "bicubic, bilinear, lanczos, nearest, or a network; edsr_baseline where nothing is said"),
        Option("weights", "a file of weights, for model="),
        Option("format", "of results in a folder: png, jpg, webp, tiff, avif, heic or jxl; png where nothing is said"),
        Option("quality", "1 to 100, or lossless; of jpg, webp, avif, heic and jxl", _quality),
        Option("name", "of results in a folder, with {name}, {scale}, {width}, {height} and {model}"),
        Option("overwrite", "whether results that are there are made anew", yes_or_no, default=False),
        Option("max_pixels", "of a photo; one that says it has more is refused before it is decoded", _at_least_one),
        Option("tile", "side of tiles in pixels of the photo; auto: what memory allows; null: whole", _tile, "auto"),
        Option("ensemble", "averages over the 8 flips and rotations, at 8 times the cost", yes_or_no, default=False),
        Option("precision", "of the arithmetic", choices=("auto", "32", "bf16", "16"), default="auto"),
        Option("device", "cpu, cuda, mps or auto", default="auto"),
        Option("fold", "whether constants are folded into convolutions first", yes_or_no, default=True),
        Option("engine", "what computes", choices=("torch", "onnxruntime", "openvino"), default="torch"),
    ),
    run=lambda values: _upscale({**values, "in": path(values["in"]), "out": values["out"]}),
)
