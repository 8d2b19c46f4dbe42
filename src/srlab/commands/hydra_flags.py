"""The flags of Hydra on the command lines of train.py and evaluate.py, such as -m and --cfg job.

Hydra does not offer its own parser to programs, so its documented flags stand here again; a test compares both.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from srlab.errors import SrlabError

SWITCHES = {
    ("--help", "-h"): "this text",
    ("--multirun", "-m"): "a job for every combination of the values in KEY=A,B,C",
    ("--run", "-r"): "one job, although a sweep's yaml asks for many",
    ("--shell-completion", "-sc"): "install=bash prints what completes options with the tab key",
    ("--resolve",): "with --cfg: put in what ${...} stands for",
    ("--hydra-help",): "Hydra's own help",
    ("--version",): "Hydra's version",
}
VALUES = {
    ("--cfg", "-c"): "job, hydra or all: print the configuration and end",
    ("--package", "-p"): "with --cfg: only this part of it, such as model",
    ("--config-dir", "-cd"): "a folder of yamls of your own, laid out as conf/",
    ("--config-path", "-cp"): "a folder in place of conf/",
    ("--config-name", "-cn"): "a yaml in place of train.yaml or evaluate.yaml",
    ("--experimental-rerun",): "a pickle of an earlier job",
    ("--info", "-i"): "what Hydra found: all, config, defaults, defaults-tree, plugins or searchpath",
}
CHOICES = {
    "--cfg": ("job", "hydra", "all"),
    "--info": ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath"),
}
ANSWERED_BY_HYDRA = ("shell_completion", "hydra_help", "version", "config_path", "config_name", "experimental_rerun")


@dataclass(frozen=True)
class CommandLine:
    """A command line, taken apart.

    Attributes:
        overrides: the words that set options, such as model=edsr.
        words: all of it for Hydra, flags first.
        flags: the flags that were given, by name without dashes, and their values.
    """

    overrides: list[str]
    words: list[str]
    flags: dict[str, str | bool]

    @property
    def multirun(self) -> bool:
        return "multirun" in self.flags

    @property
    def config_dir(self) -> str | None:
        folder = self.flags.get("config_dir")
        return None if folder is None else str(folder)

    @property
    def is_hydras(self) -> bool:
        """Whether it is Hydra's alone to answer: what srlab would check is not what Hydra would read."""
        return any(flag in self.flags for flag in ANSWERED_BY_HYDRA)

    @property
    def only_shows(self) -> bool:
        """Whether Hydra prints the configuration or about itself, and nothing is run."""
        return any(flag in self.flags for flag in ("cfg", "info"))


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise SrlabError(f"{message}. --help lists the flags.")


def read_command_line(words: Sequence[str]) -> CommandLine:
    """Returns a command line taken apart. Flags and options may stand in any order.

    Raises:
        SrlabError: an unknown flag, or one that lacks its value.
    """
    parser = _Parser(add_help=False)
    parser.add_argument("overrides", nargs="*")
    for names in SWITCHES:
        parser.add_argument(*names, action="store_true")
    for names in VALUES:
        if "--info" in names:
            parser.add_argument(*names, nargs="?", const="all", choices=CHOICES["--info"])
        else:
            parser.add_argument(*names, choices=CHOICES.get(names[0]))
    given = {name: value for name, value in vars(parser.parse_intermixed_args(words)).items() if value}
    overrides = given.pop("overrides", [])
    flags = [
        word
        for name, value in given.items()
        for word in (f"--{name.replace('_', '-')}", *([] if value is True else [value]))
    ]
    return CommandLine(overrides, [*flags, *overrides], given)
