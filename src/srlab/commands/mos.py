"""Runs a rating study with real people.

    srlab evaluate 'ckpt=[a.ckpt,b.ckpt]' 'sets=[set5]' +mos_export=true    # writes the study to runs/mos
    srlab mos serve runs/mos                     # serves the page, and prints a link for each rater
    srlab mos report runs/mos                    # writes scores, tests, tables and figures to runs/mos/report
    srlab mos export runs/mos --static           # writes a folder of plain HTML that works without a server
    srlab mos import runs/mos ratings-07.csv     # adds a file of ratings that a rater downloaded from such a folder

serve listens on this machine only, unless --host says otherwise. It can be stopped and started at any time.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from srlab.console import reported
from srlab.errors import SrlabError
from srlab.extras import require_extra


def main(words: Sequence[str] | None = None) -> None:
    arguments = _parser().parse_args(words)
    with reported():
        arguments.run(arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="srlab mos", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    tools = parser.add_subparsers(required=True)
    for name, text, run in (
        ("serve", "the study as a web page", _serve),
        ("report", "scores, tests, tables and figures, in STUDY/report", _report),
        ("export", "the study as a folder that needs no server", _export),
        ("import", "add files that raters downloaded from such a folder", _import),
    ):
        tool = tools.add_parser(name, help=text, description=text)
        tool.add_argument("study", type=Path, metavar="STUDY", help="the folder that evaluate.py wrote")
        tool.set_defaults(run=run)
        _options(name, tool)
    return parser


def _options(name: str, tool: argparse.ArgumentParser) -> None:
    if name == "serve":
        tool.add_argument("--host", default="127.0.0.1", help="the address to listen on (127.0.0.1: this machine only)")
        tool.add_argument("--port", type=int, default=8000, help="0: any free one")
        tool.add_argument("--url", help="how raters reach the server, such as https://study.example.org")
    elif name == "export":
        tool.add_argument("--static", action="store_true", help="plain HTML; there is no other kind")
        tool.add_argument("--out", type=Path, metavar="DIR", help="STUDY/static if not said")
    elif name == "import":
        tool.add_argument("files", type=Path, nargs="+", metavar="FILE", help="ratings-07.csv and the like")


def _serve(arguments: argparse.Namespace) -> None:
    require_extra("mos", "srlab mos serve")
    from srlab.mos.server import serve  # noqa: PLC0415 - --help answers at once

    serve(arguments.study, arguments.host, arguments.port, arguments.url)


def _report(arguments: argparse.Namespace) -> None:
    require_extra("mos", "srlab mos report")
    from srlab.mos.report import write_report  # noqa: PLC0415

    write_report(arguments.study)


def _export(arguments: argparse.Namespace) -> None:
    from srlab.mos.static import export_static  # noqa: PLC0415
    from srlab.mos.study import open_study  # noqa: PLC0415

    if not arguments.static:
        raise SrlabError("export: say --static. The study itself comes from python evaluate.py ... +mos_export=true")
    out = arguments.out or arguments.study / "static"
    study = open_study(arguments.study)
    export_static(study, out)
    print(f"written: {out / 'index.html'}; give the folder to raters 1 to {len(study.raters)}, each with a number")


def _import(arguments: argparse.Namespace) -> None:
    from srlab.mos.ratings import Ratings  # noqa: PLC0415
    from srlab.mos.static import import_ratings  # noqa: PLC0415
    from srlab.mos.study import open_study  # noqa: PLC0415

    study = open_study(arguments.study)
    ratings = Ratings(study)
    for path in arguments.files:
        print(f"{path}: {import_ratings(study, ratings, path)} new ratings")
