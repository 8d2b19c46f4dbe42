"""The command `srlab`: its first word says what to do, and the others belong to that."""

import os
import sys
from importlib import import_module

from srlab import __version__
from srlab.console import print_whole
from srlab.errors import nearest

# word -> (module with main(words), what it does)
COMMANDS = {
    "train": ("srlab.commands.train", "train a method, evaluate it, draw a picture"),
    "evaluate": ("srlab.commands.evaluate", "measure methods on benchmark sets"),
    "data": ("srlab.commands.data", "list, fetch and check sets of images"),
    "standard-table": ("srlab.commands.standard_table", "the tables of the literature, with our numbers beside them"),
    "figure": ("srlab.commands.figure", "an image and a crop of it by every method, as papers print them"),
    "leaderboard": ("srlab.commands.leaderboard", "a page with the results of all networks that come with srlab"),
    "report": ("srlab.commands.report", "the runs of a sweep as one table and figures"),
    "upscale": ("srlab.commands.upscale", "photos become larger photos"),
    "convert": ("srlab.commands.convert", "write weights in another project's layout"),
    "export": ("srlab.commands.export", "write a network for ONNX Runtime, OpenVINO or ncnn"),
    "interpolate": ("srlab.commands.interpolate", "write the networks between two of a kind"),
    "hub": ("srlab.commands.hub", "send a network to the Hugging Face hub"),
    "weights": ("srlab.commands.weights", "list, show and verify the networks that come with srlab"),
    "web": ("srlab.commands.web", "serve a page on which a visitor enlarges a photo"),
    "mos": ("srlab.commands.mos", "serve and report a rating study"),
}
WITH_OPTIONS_OF_CONF = ("train", "evaluate")  # whose options the tab key completes
COMPLETION = ("-sc", "--shell-completion")


def main() -> None:
    """Runs the command that the first word names; without one, or with --help, lists them all."""
    words = sys.argv[1:]
    if not words or words[0] in ("-h", "--help"):
        print_whole(_usage())
    elif words[0] == "--version":
        print_whole(f"srlab {__version__}")
    elif words[0] in COMPLETION:
        _complete(words)
    elif words[0] not in COMMANDS:
        print(f"error: srlab {words[0]}: no such command.{nearest(words[0], COMMANDS)}\n\n{_usage()}", file=sys.stderr)
        raise SystemExit(2)
    else:
        _run(words[0], words[1:])


def _run(command: str, words: list[str]) -> None:
    sys.argv[0] = f"srlab {command}"
    raise SystemExit(import_module(COMMANDS[command][0]).main(words))


def _complete(words: list[str]) -> None:
    """Answers a shell: `install=bash` prints its script, which calls `query=bash` with the line in COMP_LINE."""
    line = os.environ.get("COMP_LINE", "")
    typed = line.split(" ")
    if "query" in words[-1] and (len(typed) < 3 or typed[1] not in WITH_OPTIONS_OF_CONF):
        print_whole(" ".join(COMMANDS) if len(typed) < 3 else "")
        return
    if len(typed) > 2:  # Hydra takes the first word for the program's name
        os.environ["COMP_LINE"] = line.partition(" ")[2]
    sys.argv[0] = "srlab"
    import_module(COMMANDS[typed[1] if len(typed) > 2 else "train"][0]).main(words)


def _usage() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {about}" for name, (_, about) in COMMANDS.items()]
    return "\n".join(["usage: srlab COMMAND ...", "", *lines, "", "srlab COMMAND --help says more of each."])
