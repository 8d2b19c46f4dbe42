"""Writes the networks between two of a kind: (1 - alpha) A + alpha B of their weights.

    srlab interpolate srresnet.ckpt srgan.ckpt alpha=0.8 blend.ckpt
    srlab interpolate srresnet.ckpt srgan.ckpt 'alpha=[0,0.2,0.4,0.6,0.8,1]' blends 'sets=[set5]'

With sets= and other options of `srlab evaluate` the results are measured and their curve is drawn. docs/perceptual.md
has more.
"""

from collections.abc import Sequence
from typing import Any

from srlab.commands.arguments import Option, Place, Tool
from srlab.console import reported


def main(words: Sequence[str] | None = None) -> int:
    with reported():
        return TOOL.main(words)


def _interpolate(values: dict[str, Any]) -> None:
    from srlab.commands.network_interpolation import Request, run  # noqa: PLC0415 - imports PyTorch
    from srlab.weights import zoo  # noqa: PLC0415

    request = Request.of(values["alpha"], values["out"], values["options"])
    run(zoo.located(values["a"]), zoo.located(values["b"]), request)


TOOL = Tool(
    name="srlab interpolate",
    about=str(__doc__),
    places=(
        Place("A", "where alpha is 0: a checkpoint, a run's folder, weights, or pretrained:NAME"),
        Place("B", "where alpha is 1"),
        Place("OUT", "a .ckpt file, or a folder for several (runs/interpolation)", optional=True),
    ),
    options=(Option("alpha", "a number from 0 to 1, or a list of them", needed=True),),
    run=_interpolate,
    others="options",
)
