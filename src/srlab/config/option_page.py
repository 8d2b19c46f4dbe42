"""docs/options.md: every option of train.py and evaluate.py, generated from conf/."""

from srlab.config.option_list import (
    GROUPS,
    Section,
    choices_with_comments,
    default_choices,
    network_arguments,
    sections_of,
    shown_default,
)
from srlab.config.renamed import RENAMED

HEAD = """\
<!-- Generated from the comments of conf/ by: python tools/write_option_docs.py -->
# Options

Words of a command line are `KEY=VALUE`, in any order: `python train.py model=edsr scale=4 optimizer.learning_rate=3e-4`
A group takes a name, which stands for several options: `schedule=onecycle` is conf/schedule/onecycle.yaml. Lists are
quoted for the shell: `'sets=[set5,set14]'`. Several values after a comma are a sweep, and need `-m`.

`python train.py --help` prints this list. `python train.py --cfg job model=edsr` prints the configuration that
the words make. `eval "$(python train.py -sc install=bash)"` has the tab key complete options, and
`eval "$(srlab -sc install=bash)"` those of `srlab`.

Editors can complete and check the yaml files of conf/ by [conf/schema.json](../conf/schema.json). In VS Code, with the
YAML extension, put into the settings: `"yaml.schemas": {"conf/schema.json": "conf/**/*.yaml"}`. In other editors that
use yaml-language-server, begin a file with `# yaml-language-server: $schema=../schema.json`.
"""
PROGRAMS = {"train": "train.py", "evaluate": "evaluate.py"}


def option_page() -> str:
    """Returns the page as Markdown."""
    lines = [HEAD]
    for program, file in PROGRAMS.items():
        lines += [f"## {file}", ""]
        for section in sections_of(program):
            lines += _section(section)
    lines += ["## Groups", ""]
    for group in GROUPS["train"]:
        lines += _group(group)
    lines += ["## Arguments of the networks", "", "`model.network.NAME=VALUE`, for the chosen model.", ""]
    lines += _table(["model", "arguments"], [[name, _code(names)] for name, names in network_arguments().items()])
    lines += ["", "## Options that have a new name", ""]
    lines += _table(["once", "now"], [[f"`{old}`", f"`{new}`"] for old, new in RENAMED.items()])
    return "\n".join(lines) + "\n"


def _section(section: Section) -> list[str]:
    title = [f"### {section.name}", ""] if section.name else []
    about = [f"{section.about}", ""] if section.about else []
    options = [option for option in section.options if option.default]
    rows = [[f"`{option.key}`", _code([shown_default(option)]), option.comment] for option in options]
    return [*title, *about, *_table(["option", "default", ""], rows), ""]


def _group(group: str) -> list[str]:
    default = default_choices("train").get(group, "null")
    rows = [[f"`{name}`", about] for name, about in choices_with_comments(group).items()]
    return [f"### {group}", "", f"Where nothing is said: `{group}={default}`.", "", *_table(["name", ""], rows), ""]


def _code(texts: list[str]) -> str:
    return ", ".join(f"`{text}`" for text in texts if text)


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    cells = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in cells]
