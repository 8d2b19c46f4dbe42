"""The networks that come with srlab.

    srlab weights list                       # names, sizes, PSNR
    srlab weights show edsr_baseline_x2      # its card: how it was trained, on what, and what it gives
    srlab weights verify                     # are the files whole, and do they still give the card's number on Set5?

evaluate.py takes them as ckpt=pretrained:NAME, train.py as init_from=pretrained:NAME. docs/weights.md has more.
"""

import os
from collections.abc import Sequence
from typing import Any

from srlab.commands.arguments import Option, Place, Tool, path, run_one_of
from srlab.console import print_whole, reported


def main(words: Sequence[str] | None = None) -> int:
    """Runs one command; 1 where `verify` found something wrong."""
    with reported():
        return run_one_of("srlab weights", str(__doc__), TOOLS, words)


def _list(values: dict[str, Any]) -> None:
    from srlab.commands.shipped_weights import overview  # noqa: PLC0415 - imports PyTorch: --help answers at once

    overview()


def _show(values: dict[str, Any]) -> None:
    from srlab.commands.shipped_weights import card_text  # noqa: PLC0415

    print_whole(card_text(values["name"]))


def _verify(values: dict[str, Any]) -> int:
    from srlab.commands.verified_weights import verify  # noqa: PLC0415

    return 0 if verify(values["name"], values["data.root"]) else 1


TOOLS = {
    "list": Tool(
        name="srlab weights list",
        about="Lists the networks that come with srlab.",
        places=(),
        options=(),
        run=_list,
    ),
    "show": Tool(
        name="srlab weights show",
        about="Shows the card of a network.",
        places=(Place("NAME", "a network that srlab weights list names"),),
        options=(),
        run=_show,
    ),
    "verify": Tool(
        name="srlab weights verify",
        about="Compares the files with their cards: the hash, and the PSNR on Set5 where data.root has it.",
        places=(Place("NAME", "a network that srlab weights list names; all by default", many=True, optional=True),),
        options=(
            Option(
                "data.root", "the folder of all sets", read=path, default=path(os.environ.get("SRLAB_DATA", "data"))
            ),
        ),
        run=_verify,
    ),
}
