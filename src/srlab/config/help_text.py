"""What --help of train.py and evaluate.py prints: the usage, then every option with its comment."""

import shutil
import textwrap

from srlab.config.option_list import GROUPS, choices_with_comments, default_choices, sections_of, shown_default

COLUMN = 34  # where comments begin
WIDTHS = (80, 120)  # the narrowest and the widest text
FLAGS = {
    "-m, --multirun": "a job for every combination of the values in KEY=A,B,C; sweep=NAME needs no -m",
    "--cfg job": "print the configuration that the words make, and end (-p model: only that part)",
    "--config-dir DIR": "a folder of yamls of your own, laid out as conf/",
    "-sc install=bash": 'print what completes options with the tab key: eval "$(PROGRAM -sc install=bash)"',
    "--hydra-help": "the other flags, which are Hydra's",
}


def help_text(program: str, usage: str) -> str:
    """Returns the help of a program.

    Args:
        program: train or evaluate.
        usage: what the program does, with examples.
    """
    width = min(max(shutil.get_terminal_size().columns, WIDTHS[0]), WIDTHS[1])
    chosen = default_choices(program)
    lines = [usage.strip(), "", "Words are KEY=VALUE, in any order; docs/options.md is this list as a page.", ""]
    lines += ["choices, GROUP=NAME (conf/GROUP/NAME.yaml says what each sets)"]
    for group in GROUPS[program]:
        default = chosen.get(group, "null")
        lines += _entry(f"{group}={default}", ", ".join(choices_with_comments(group)), width)
    for section in sections_of(program):
        lines += ["", *textwrap.wrap(": ".join(filter(None, (section.name or "options", section.about))), width)]
        for option in section.options:
            default = shown_default(option)
            lines += _entry(f"{option.key}={default}" if default else option.key, option.comment, width)
    lines += ["", "flags"]
    for flag, about in FLAGS.items():
        lines += _entry(flag, about, width)
    return "\n".join(lines)


def _entry(name: str, about: str, width: int) -> list[str]:
    """Name and text in two columns; a long name has a line of its own."""
    texts = textwrap.wrap(about, width - COLUMN) or [""]
    head = f"  {name}"
    first = [f"{head:{COLUMN}}{texts[0]}".rstrip()] if len(head) < COLUMN - 1 else [head, " " * COLUMN + texts[0]]
    return [line.rstrip() for line in (*first, *(" " * COLUMN + text for text in texts[1:]))]
