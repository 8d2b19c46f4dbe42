"""Writes weights in another project's layout, or in srlab's.

    srlab convert edsr_x2.pt own.safetensors layout=srlab
    srlab convert runs/demo edsr.pth layout=basicsr
    srlab convert runs/demo demo.safetensors layout=srlab

The layout of the input is recognised by its keys. A .safetensors file with layout=srlab is a whole network: its
metadata has the network's arguments, the rows of results.json beside a run's checkpoint, and the terms of the training
images; with layout=spandrel, programs that use spandrel and srlab.spandrel_archs see it too. Where bare weights do not
show an argument, it can be said: residual_scale=0.1.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from srlab.commands.arguments import Option, Place, Tool
from srlab.console import reported


def main(words: Sequence[str] | None = None) -> int:
    with reported():
        return TOOL.main(words)


def _convert(values: dict[str, Any]) -> None:
    from srlab.weights import zoo  # noqa: PLC0415 - imports PyTorch: --help answers at once
    from srlab.weights.conversion import OWN, SPANDREL, convert  # noqa: PLC0415

    source, layout = zoo.located(values["in"]), values["layout"]
    given = {key: yaml.safe_load(value) for key, _, value in (word.partition("=") for word in values["network"])}
    about = None
    if layout in (OWN, SPANDREL):
        from srlab.evaluation.about_checkpoint import about_checkpoint  # noqa: PLC0415 - imports Lightning

        about = about_checkpoint(source)
    print(convert(source, Path(values["out"]), layout, given, about))


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
            "the keys of OUT, such as srlab, spandrel, edsr_pytorch, basicsr, wdsr_2018, wdsr_ychfan or vdsr_twtygqyy",
            needed=True,
        ),
    ),
    run=_convert,
    others="network",
)
