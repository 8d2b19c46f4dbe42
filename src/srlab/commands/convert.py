"""Writes weights in another project's layout, or in srlab's.

    srlab convert edsr_x2.pt own.safetensors layout=srlab
    srlab convert runs/demo edsr.pth layout=basicsr

The layout of the input is recognised by its keys.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from srlab.commands.arguments import Option, Place, Tool
from srlab.console import reported


def main(words: Sequence[str] | None = None) -> int:
    with reported():
        return TOOL.main(words)


def _convert(values: dict[str, Any]) -> None:
    from srlab.weights import zoo  # noqa: PLC0415 - imports PyTorch: --help answers at once
    from srlab.weights.conversion import convert  # noqa: PLC0415

    print(convert(zoo.located(values["in"]), Path(values["out"]), values["layout"]))


TOOL = Tool(
    name="srlab convert",
    about=str(__doc__),
    places=(
        Place("IN", "a .ckpt, .pt, .pth or .safetensors file, a run's folder, or pretrained:NAME"),
        Place("OUT", "a .pt, .pth or .safetensors file"),
    ),
    options=(
        Option(
            "layout",
            "the keys of OUT, such as srlab, edsr_pytorch, basicsr, wdsr_2018, wdsr_ychfan or vdsr_twtygqyy",
            needed=True,
        ),
    ),
    run=_convert,
)
