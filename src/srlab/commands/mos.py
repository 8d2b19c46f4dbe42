"""Runs a rating study with real people.

    srlab evaluate 'ckpt=[a.ckpt,b.ckpt]' 'sets=[set5]' +mos_export=true    # writes the study to runs/mos
    srlab mos serve runs/mos                     # serves the page, and prints a link for each rater
    srlab mos report runs/mos                    # writes scores, tests, tables and figures to runs/mos/report
    srlab mos export runs/mos                    # writes a folder of plain HTML that works without a server
    srlab mos import runs/mos ratings-07.csv     # adds a file of ratings that a rater downloaded from such a folder

serve listens on this machine only, unless host= says otherwise. It can be stopped and started at any time.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from srlab.commands.arguments import Option, Place, Tool, path, run_one_of, yes_or_no
from srlab.console import reported
from srlab.errors import SrlabError
from srlab.extras import require_extra


def main(words: Sequence[str] | None = None) -> int:
    with reported():
        return run_one_of("srlab mos", str(__doc__), TOOLS, words)


def _serve(values: dict[str, Any]) -> None:
    require_extra("mos", "srlab mos serve")
    from srlab.mos.server import serve  # noqa: PLC0415 - --help answers at once

    serve(Path(values["study"]), values["host"], values["port"], values["url"])


def _report(values: dict[str, Any]) -> None:
    require_extra("mos", "srlab mos report")
    from srlab.mos.report import write_report  # noqa: PLC0415

    write_report(Path(values["study"]))


def _export(values: dict[str, Any]) -> None:
    from srlab.mos.static import export_static  # noqa: PLC0415
    from srlab.mos.study import open_study  # noqa: PLC0415

    if not values["static"]:
        raise SrlabError("static=false: a folder of plain HTML is the only kind. srlab mos serve needs no export.")
    out = values["out"] or Path(values["study"]) / "static"
    study = open_study(Path(values["study"]))
    export_static(study, out)
    print(f"written: {out / 'index.html'}; give the folder to raters 1 to {len(study.raters)}, each with a number")


def _import(values: dict[str, Any]) -> None:
    from srlab.mos.ratings import Ratings  # noqa: PLC0415
    from srlab.mos.static import import_ratings  # noqa: PLC0415
    from srlab.mos.study import open_study  # noqa: PLC0415

    study = open_study(Path(values["study"]))
    ratings = Ratings(study)
    for name in values["file"]:
        print(f"{name}: {import_ratings(study, ratings, Path(name))} new ratings")


STUDY = Place("STUDY", "the folder that evaluate.py wrote")
TOOLS = {
    "serve": Tool(
        name="srlab mos serve",
        about="Serves the study as a web page.",
        places=(STUDY,),
        options=(
            Option("host", "the address to listen on; 127.0.0.1: this machine only", default="127.0.0.1"),
            Option("port", "0: any free one", read=int, default=8000),
            Option("url", "how raters reach the server, such as https://study.example.org"),
        ),
        run=_serve,
    ),
    "report": Tool(
        name="srlab mos report",
        about="Writes scores, tests, tables and figures to STUDY/report.",
        places=(STUDY,),
        options=(),
        run=_report,
    ),
    "export": Tool(
        name="srlab mos export",
        about="Writes the study as a folder of plain HTML, which needs no server.",
        places=(STUDY,),
        options=(
            Option("out", "the folder; STUDY/static if not said", read=path),
            Option("static", "plain HTML; there is no other kind", read=yes_or_no, default=True),
        ),
        run=_export,
    ),
    "import": Tool(
        name="srlab mos import",
        about="Adds files that raters downloaded from such a folder.",
        places=(STUDY, Place("FILE", "ratings-07.csv and the like", many=True)),
        options=(),
        run=_import,
    ),
}
