"""Writes weights in another project's layout, or in srlab's.

    srlab convert edsr_x2.pt own.safetensors layout=srlab
    srlab convert runs/demo/checkpoints/best.ckpt edsr.pth layout=basicsr

layout: srlab, edsr_pytorch, basicsr, wdsr_2018, wdsr_ychfan or vdsr_twtygqyy; the input's is recognised by its keys.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from srlab.console import reported
from srlab.errors import SrlabError


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="srlab convert", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path, metavar="IN", help=".ckpt, .pt, .pth or .safetensors")
    parser.add_argument("target", type=Path, metavar="OUT", help=".pt, .pth or .safetensors")
    parser.add_argument("layout", metavar="layout=NAME", help="the keys of OUT")
    arguments = parser.parse_args(words)
    with reported():
        _convert(arguments)


def _convert(arguments: argparse.Namespace) -> None:
    from srlab.weights.conversion import convert  # noqa: PLC0415 - imports PyTorch: --help answers at once

    key, _, layout = arguments.layout.partition("=")
    if key != "layout":
        raise SrlabError(f"{arguments.layout}: expected layout=NAME.")
    print(convert(arguments.source, arguments.target, layout))
