"""Writes the networks between two of a kind: (1 - alpha) A + alpha B of their weights.

    srlab interpolate srresnet.ckpt srgan.ckpt alpha=0.8 blend.ckpt
    srlab interpolate srresnet.ckpt srgan.ckpt 'alpha=[0,0.2,0.4,0.6,0.8,1]' blends 'sets=[set5]'

With sets= and other options of evaluate.py the results are measured and their curve is drawn. docs/perceptual.md has
more.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from srlab.console import reported


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="srlab interpolate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("first", type=Path, metavar="A", help="where alpha is 0: a checkpoint, or weights")
    parser.add_argument("second", type=Path, metavar="B", help="where alpha is 1")
    parser.add_argument(
        "words", nargs="+", metavar="alpha=0.8 [OUT] [KEY=VALUE ...]",
        help="a number or a list; a .ckpt file or a folder (runs/interpolation); options of evaluate.py",
    )  # fmt: skip
    arguments = parser.parse_args(words)
    with reported():
        from srlab.commands.network_interpolation import run  # noqa: PLC0415 - imports PyTorch: --help answers at once

        run(arguments.first, arguments.second, arguments.words)
