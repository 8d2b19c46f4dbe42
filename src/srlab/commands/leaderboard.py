"""Measures all networks that come with srlab, and your own, and writes a page of results.

    srlab leaderboard                                             # all of them, and bicubic and Lanczos
    srlab leaderboard 'sets=[set5]' 'scales=[4]' 'methods=[runs/mine,other.ckpt]'
    srlab leaderboard 'only=[bicubic,vdsr]' 'metrics=[psnr,ssim]' images=false

Every row is measured as `srlab evaluate` measures it, and kept: the same command again measures only what is new.
Where a method's numbers in print are of another protocol, it is measured under that one too, to stand beside them. Into
out= go results.json, .md and .csv, costs.csv, figures, the images, and index.html, the page. docs/results.md has more.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from srlab.commands.arguments import Option, Tool, path, yes_or_no
from srlab.console import reported


def main(words: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    with reported():
        return TOOL.main(words)


def _leaderboard(values: dict[str, Any]) -> None:
    from srlab.commands.leaderboard_run import Request, write_leaderboard  # noqa: PLC0415 - imports PyTorch

    backbones = ("alexnet", "vgg16", "squeezenet1_1")
    write_leaderboard(
        Request(
            out=values["out"],
            sets=values["sets"],
            scales=values["scales"],
            methods=values["methods"],
            only=values["only"],
            metrics=values["metrics"],
            backbones={name: values[f"weights.{name}"] for name in backbones},
            protocol=values["protocol"],
            root=values["data.root"],
            accelerator=values["trainer.accelerator"],
            images=values["images"],
            overwrite=values["overwrite"],
        )
    )


TOOL = Tool(
    name="srlab leaderboard",
    about=str(__doc__),
    places=(),
    options=(
        Option("out", "the folder of the page", read=path, default=Path("results/leaderboard")),
        Option("sets", "by default the benchmarks that are there, else the sample photos", many=True, default=[]),
        Option("scales", "those to measure", read=int, many=True, default=[2, 3, 4]),
        Option("methods", "more methods: runs, checkpoints, files of weights", many=True, default=[]),
        Option("only", "of bicubic, lanczos and the networks that come with srlab, these alone", many=True),
        Option("metrics", "beside psnr and ssim; by default lpips and dists, where their backbones are", many=True),
        Option("weights.alexnet", "torchvision's file, for lpips"),
        Option("weights.vgg16", "likewise, for dists and lpips_vgg"),
        Option("weights.squeezenet1_1", "likewise, for lpips_squeeze"),
        Option("protocol", "that all are compared under", default="luma"),
        Option("data.root", "the folder of all sets", read=path, default=path(os.environ.get("SRLAB_DATA", "data"))),
        Option("trainer.accelerator", "where to measure", default="auto", choices=("auto", "cpu", "gpu", "mps")),
        Option("images", "false: do not save results as images, which the page shows", read=yes_or_no, default=True),
        Option(
            "overwrite",
            "true: forget what the folder has, and measure what is asked for",
            read=yes_or_no,
            default=False,
        ),
    ),
    run=_leaderboard,
)
