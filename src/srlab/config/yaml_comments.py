"""Options as they stand in a yaml file: key, default and comment."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

PACKAGE_LINE = "# @package"  # says to Hydra where the content goes, and to people nothing


@dataclass(frozen=True)
class Option:
    """One option of a yaml file.

    Attributes:
        key: dotted, such as optimizer.learning_rate.
        default: as the file writes it, such as [0.9, 0.999]; "" for a section.
        comment: beside the value, or in the lines above it.
    """

    key: str
    default: str
    comment: str


def head_comment(path: Path) -> str:
    """Returns the comment that a yaml file begins with, as one line of text."""
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        if not line.startswith(PACKAGE_LINE):
            lines.append(line.lstrip("# "))
    return " ".join(filter(None, lines))


def options_in(path: Path, prefix: str = "") -> list[Option]:
    """Returns the options of a yaml file in their order, without Hydra's own (defaults, hydra).

    Args:
        path: of the file.
        prefix: what all keys begin with, such as "trainer.".
    """
    text = path.read_text(encoding="utf-8")
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    lines = text.splitlines()
    return [option for option in _options(root, lines, prefix) if option.key.split(".")[0] not in ("defaults", "hydra")]


def _options(node: yaml.Node | None, lines: list[str], prefix: str) -> Iterator[Option]:
    assert isinstance(node, yaml.MappingNode)
    for key, value in node.value:
        name = prefix + key.value
        is_section = isinstance(value, yaml.MappingNode) and not value.flow_style
        end = key.end_mark if is_section else value.end_mark
        beside = lines[end.line][end.column :].lstrip(": ")
        comment = beside.lstrip("# ") if beside.startswith("#") else _above(lines, key.start_mark.line)
        if is_section:
            yield Option(name, "", comment)
            yield from _options(value, lines, f"{name}.")
        else:
            start = value.start_mark
            yield Option(name, lines[start.line][start.column : end.column].strip(), comment)


def _above(lines: list[str], number: int) -> str:
    """The comment directly above a line, unless it is the one that the file begins with."""
    first = number
    while first > 0 and lines[first - 1].lstrip().startswith("#"):
        first -= 1
    return "" if first == 0 else " ".join(line.strip().lstrip("# ") for line in lines[first:number])
