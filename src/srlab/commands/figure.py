"""Draws a figure as papers print it: an image, and a window of it enlarged, by every method, with PSNR / SSIM.

    srlab figure set=sample image=coffee scale=4 'methods=[bicubic,srresnet_x4,edsr_baseline_x4]'
    srlab figure set=urban100 image=img_004 scale=4 'methods=[bicubic,runs/mine,weights/rcan.pt]' out=figure.pdf
    srlab figure set=set5 'image=[baby,bird]' scale=2 'methods=[bicubic,vdsr,SelfExSR/{name}.png]' crop=auto

A method is an interpolation, a network that comes with srlab (`srlab weights list`), a checkpoint, a run's folder,
weights that are recognised, or images that another program made: a path with {name} in it, and {scale} or {set}. All
are measured as `srlab evaluate` does. What is printed as crop= draws the same window again. docs/evaluation.md
has more.
"""

import os
import re
from collections.abc import Sequence
from typing import Any

from srlab.commands.arguments import Option, Tool, path, yes_or_no
from srlab.console import reported
from srlab.errors import SrlabError

WINDOW = r"(?:auto|\[?\d+(?:,\d+){3}\]?)"


def main(words: Sequence[str] | None = None) -> int:
    with reported():
        return TOOL.main(words)


def windows(text: str) -> list[tuple[int, ...] | None]:
    """Returns what crop= says: (left, top, width, height) for each image, None for a window that is to be chosen.

    Raises:
        SrlabError: it is written in another way.
    """
    packed = text.replace(" ", "")
    if not re.fullmatch(rf"{WINDOW}|\[{WINDOW}(?:,{WINDOW})*\]", packed):
        raise SrlabError(
            f"crop={text}: expected auto or LEFT,TOP,WIDTH,HEIGHT in pixels of HR, or of several images a list: "
            f"[[LEFT,TOP,WIDTH,HEIGHT],auto]."
        )
    found = re.findall(r"auto|\d+(?:,\d+){3}", packed)
    return [None if word == "auto" else tuple(map(int, word.split(","))) for word in found]


def _figure(values: dict[str, Any]) -> None:
    crops = windows(values["crop"])
    from srlab.commands.figure_of_methods import write_figure  # noqa: PLC0415 - imports PyTorch
    from srlab.commands.figure_request import Request  # noqa: PLC0415 - imports matplotlib

    request = Request(
        image_set=values["set"],
        images=values["image"],
        scale=values["scale"],
        methods=values["methods"],
        names=values["names"] or None,
        protocol=values["protocol"],
        crops=crops,
        size=values["size"],
        root=values["data.root"],
        degradation=values["data.degradation"],
        ensemble=values["ensemble"],
        tile=values["tile"],
        accelerator=values["trainer.accelerator"],
        out=values["out"],
        width=values["width"],
        dpi=values["dpi"],
    )
    for line in write_figure(request):
        print(line)


TOOL = Tool(
    name="srlab figure",
    about=str(__doc__),
    places=(),
    options=(
        Option("set", "a set, sample, or a folder of images", needed=True),
        Option(
            "image", "the name of an image of it, or several, each with its own row of crops", many=True, needed=True
        ),
        Option("scale", "by which the methods enlarge", read=int, needed=True),
        Option("methods", "what to show beside HR, in this order", many=True, needed=True),
        Option("names", "what to call them in the figure; by default as the tables of srlab evaluate do", many=True),
        Option("protocol", "by which they see the image and are measured", default="luma"),
        Option("crop", "LEFT,TOP,WIDTH,HEIGHT in pixels of HR; auto: where methods differ most", default="auto"),
        Option("size", "side of the window that auto chooses; by default a sixth of the image's short side", read=int),
        Option("out", "a file that ends in .png, .pdf or .svg", read=path, default=path("figure.png")),
        Option("width", "of the figure, in inches", read=float, default=7.0),
        Option(
            "dpi", "pixels to the inch, at least: a pixel of a crop is a whole number of them", read=int, default=300
        ),
        Option("ensemble", "true: the self-ensemble of every network", read=yes_or_no, default=False),
        Option("tile", "work on tiles of so many LR pixels a side", read=int),
        Option("data.root", "the folder of all sets", read=path, default=path(os.environ.get("SRLAB_DATA", "data"))),
        Option("data.degradation", "of the LR images", default="bicubic"),
        Option("trainer.accelerator", "where to compute", default="auto", choices=("auto", "cpu", "gpu", "mps")),
    ),
    run=_figure,
)
