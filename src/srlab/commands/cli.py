"""The command `srlab`: one word says what to do, the rest belongs to it."""

import sys
from importlib import import_module

from srlab import __version__
from srlab.errors import nearest

# word -> (module with main(words), what it does)
COMMANDS = {
    "train": ("srlab.commands.train", "train a method, evaluate it, draw a picture"),
    "evaluate": ("srlab.commands.evaluate", "measure methods on benchmark sets"),
    "data": ("srlab.commands.data", "list, fetch and check sets of images"),
    "report": ("srlab.commands.report", "the runs of a sweep as one table and figures"),
    "convert": ("srlab.commands.convert", "write weights in another project's layout"),
    "interpolate": ("srlab.commands.interpolate", "write the networks between two of a kind"),
    "mos": ("srlab.commands.mos", "serve and report a rating study"),
}


def main() -> None:
    """Runs the command that the first word names; without one, or with --help, lists them all."""
    words = sys.argv[1:]
    if not words or words[0] in ("-h", "--help"):
        print(_usage())
        return
    if words[0] == "--version":
        print(f"srlab {__version__}")
        return
    if words[0] not in COMMANDS:
        print(f"error: srlab {words[0]}: no such command.{nearest(words[0], COMMANDS)}\n\n{_usage()}", file=sys.stderr)
        raise SystemExit(2)
    module, _ = COMMANDS[words[0]]
    sys.argv[0] = f"srlab {words[0]}"
    raise SystemExit(import_module(module).main(words[1:]))


def _usage() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {about}" for name, (_, about) in COMMANDS.items()]
    return "\n".join(["usage: srlab COMMAND ...", "", *lines, "", "srlab COMMAND --help says more of each."])
