"""Tools for trained weights.

    python -m srlab.inference convert edsr_x2.pt own.safetensors layout=srlab
    python -m srlab.inference convert runs/demo/checkpoints/best.ckpt edsr.pth layout=basicsr
    python -m srlab.inference interpolate srresnet.ckpt srgan.ckpt alpha=0.8 blend.ckpt
    python -m srlab.inference interpolate srresnet.ckpt srgan.ckpt 'alpha=[0,0.2,0.4,0.6,0.8,1]' blends 'sets=[set5]'

layout: srlab, edsr_pytorch, basicsr, wdsr_2018, wdsr_ychfan or vdsr_twtygqyy; the input's is recognised by its keys.
interpolate: (1 - alpha) A + alpha B of two checkpoints of the same network; with sets= and other options of evaluate.py
the results are measured and their curve is drawn. docs/perceptual.md has more.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from srlab.config import reported
from srlab.errors import SrlabError


def main(words: Sequence[str] | None = None) -> None:
    arguments = _parser().parse_args(words)
    with reported():
        arguments.run(arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m srlab.inference", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    tools = parser.add_subparsers(dest="tool", required=True)
    converter = tools.add_parser("convert", help="write weights in another project's layout, or in ours")
    converter.add_argument("source", type=Path, metavar="IN", help=".ckpt, .pt, .pth or .safetensors")
    converter.add_argument("target", type=Path, metavar="OUT", help=".pt, .pth or .safetensors")
    converter.add_argument("layout", metavar="layout=NAME", help="the keys of OUT")
    converter.set_defaults(run=_convert)
    blender = tools.add_parser("interpolate", help="write the networks between two of a kind")
    blender.add_argument("first", type=Path, metavar="A", help="where alpha is 0: a checkpoint, or weights")
    blender.add_argument("second", type=Path, metavar="B", help="where alpha is 1")
    blender.add_argument(
        "words", nargs="+", metavar="alpha=0.8 [OUT] [KEY=VALUE ...]",
        help="a number or a list; a .ckpt file or a folder (runs/interpolation); options of evaluate.py",
    )  # fmt: skip
    blender.set_defaults(run=_interpolate)
    return parser


# Both import PyTorch only now: --help answers at once.


def _convert(arguments: argparse.Namespace) -> None:
    from srlab.inference.convert import convert  # noqa: PLC0415

    key, _, layout = arguments.layout.partition("=")
    if key != "layout":
        raise SrlabError(f"{arguments.layout}: expected layout=NAME.")
    print(convert(arguments.source, arguments.target, layout))


def _interpolate(arguments: argparse.Namespace) -> None:
    from srlab.inference.interpolate import run  # noqa: PLC0415

    run(arguments.first, arguments.second, arguments.words)


if __name__ == "__main__":
    main()
