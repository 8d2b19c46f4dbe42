"""Serves a page on which a visitor enlarges a photo: choose a network, drop a photo, compare, download.

    srlab web                                            # http://127.0.0.1:7860, for this machine only
    srlab web open=true 'networks=[edsr_baseline,bicubic]'
    srlab web 'ckpt=[runs/mine,other.pth]'               # own networks beside those that come with srlab
    srlab web host=0.0.0.0 port=7860                     # for other machines too; there is no password

One photo at a time is computed; others wait in a line. Nothing is stored, and nothing is loaded from other sites.
"""

from collections.abc import Sequence
from typing import Any

from srlab.commands.arguments import Option, Tool, yes_or_no
from srlab.console import reported
from srlab.errors import SrlabError
from srlab.extras import require_extra

LARGEST = 16  # megapixels: beyond that, a result at x4 has more than browsers show


def main(words: Sequence[str] | None = None) -> int:
    with reported():
        return TOOL.main(words)


def _serve(values: dict[str, Any]) -> None:
    require_extra("web", "srlab web")
    from srlab.web.limits import MEGA, Limits  # noqa: PLC0415 - --help answers at once
    from srlab.web.server import serve  # noqa: PLC0415

    for key, most in (("megapixels", LARGEST), ("minutes", 24 * 60), ("line", 1000)):
        if not 0 < values[key] <= most:
            raise SrlabError(f"{key}={values[key]:g}: expected more than 0, and {most} at most.")
    limits = Limits(
        pixels=int(values["megapixels"] * MEGA), seconds=values["minutes"] * 60, line=values["line"],
    )  # fmt: skip
    serve(
        values["host"], values["port"], values["open"], values["networks"], values["ckpt"], values["hosts"],
        values["framed_by"], limits,
    )  # fmt: skip


TOOL = Tool(
    name="srlab web",
    about=str(__doc__),
    places=(),
    options=(
        Option("host", "the address to listen on; 127.0.0.1: this machine only", default="127.0.0.1"),
        Option("port", "0: any free one", read=int, default=7860),
        Option("open", "true: opens the page in the browser of this machine", read=yes_or_no, default=False),
        Option("networks", "models that come with srlab, and interpolations; all if not said", many=True, default=[]),
        Option("ckpt", "other networks: checkpoints, runs' folders, weights", many=True, default=[]),
        Option("megapixels", "of a photo, before it is enlarged", read=float, default=2.0),
        Option("minutes", "that a photo may compute", read=float, default=15.0),
        Option("line", "photos at a time: one that is computed, and the others that wait", read=int, default=8),
        Option("hosts", "names under which the page is reached; others are refused", many=True, default=[]),
        Option("framed_by", "a site that may show the page in a frame, such as https://huggingface.co"),
    ),
    run=_serve,
)
