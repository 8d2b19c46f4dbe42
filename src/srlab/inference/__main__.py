"""Tools for trained weights.

    python -m srlab.inference convert edsr_x2.pt own.safetensors layout=srlab
    python -m srlab.inference convert runs/demo/checkpoints/best.ckpt edsr.pth layout=basicsr

layout: srlab, edsr_pytorch, basicsr, wdsr_2018, wdsr_ychfan or vdsr_twtygqyy; the input's is recognised by its keys.
"""

import argparse
from pathlib import Path

from srlab.config import reported
from srlab.errors import SrlabError


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m srlab.inference", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    tools = parser.add_subparsers(dest="tool", required=True)
    converter = tools.add_parser("convert", help="write weights in another project's layout, or in ours")
    converter.add_argument("source", type=Path, metavar="IN", help=".ckpt, .pt, .pth or .safetensors")
    converter.add_argument("target", type=Path, metavar="OUT", help=".pt, .pth or .safetensors")
    converter.add_argument("layout", metavar="layout=NAME", help="the keys of OUT")
    arguments = parser.parse_args()
    with reported():
        from srlab.inference.convert import convert  # noqa: PLC0415 - imports PyTorch: --help answers at once

        key, _, layout = arguments.layout.partition("=")
        if key != "layout":
            raise SrlabError(f"{arguments.layout}: expected layout=NAME.")
        print(convert(arguments.source, arguments.target, layout))


if __name__ == "__main__":
    main()
