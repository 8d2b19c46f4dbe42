"""The command lines of srlab's tools: what they work on by its place, options as KEY=VALUE, as train.py has them.

What is true or false may be said as --KEY too, which is KEY=true.
"""

import sys
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from srlab.console import print_whole
from srlab.errors import SrlabError, nearest

COLUMN = 26  # where explanations begin
WIDTH = 110


@dataclass(frozen=True)
class Place:
    """An argument without a key.

    Attributes:
        name: as the usage shows it, such as DIR.
        about: what it is.
        many: whether one or more of them may stand there. Only for the last place.
        optional: whether it may be left out. Only for the last place.
    """

    name: str
    about: str
    many: bool = False
    optional: bool = False


@dataclass(frozen=True)
class Option:
    """An argument KEY=VALUE.

    Attributes:
        key: such as layout.
        about: what it is.
        read: makes a value of the text; raises ValueError for what it is not.
        default: where the key is not given.
        needed: whether it must be given.
        choices: the values that there are; empty for any.
        many: whether a list such as [a,b] is taken. The value is a list then.
    """

    key: str
    about: str
    read: Callable[[str], Any] = str
    default: Any = None
    needed: bool = False
    choices: tuple[str, ...] = ()
    many: bool = False


@dataclass(frozen=True)
class Tool:
    """A command line of a tool.

    Attributes:
        name: such as "srlab convert".
        about: what the tool does, with examples.
        run: called with the values by name: of places in lower case, of options by key.
        others: the name under which `run` gets all words of other keys; None refuses such words.
    """

    name: str
    about: str
    places: tuple[Place, ...]
    options: tuple[Option, ...]
    run: Callable[[dict[str, Any]], int | None]
    others: str | None = None

    def main(self, words: Sequence[str] | None = None) -> int:
        """Runs the tool with the words of a command line, this process's own by default; returns its exit code.

        Raises:
            SrlabError: words that are not understood, or an error of the tool.
        """
        words = list(sys.argv[1:] if words is None else words)
        if not {"-h", "--help"}.isdisjoint(words):
            print_whole(self.help())
            return 0
        return int(self.run(self.values(words)) or 0)

    def values(self, words: Sequence[str]) -> dict[str, Any]:
        """Returns the values of all places and options. Raises SrlabError for words that are not understood."""
        values = {option.key: option.default for option in self.options}
        rest, placed = [], []
        for word in words:
            if word.startswith("-"):
                values[self._switched_on(word)] = True
                continue
            if not is_option(word):
                placed.append(word)
                continue
            key, _, text = word.partition("=")
            option = next((option for option in self.options if option.key == key), None)
            if option is not None:
                values[key] = _read(option, text)
            elif self.others is not None:
                rest.append(word)
            else:
                raise SrlabError(f"{word}: {self.name} has no such option.{nearest(key, self._keys())}")
        lacking = [option for option in self.options if option.needed and values[option.key] is option.default]
        values |= self._placed(placed, lacking)
        if lacking:
            raise SrlabError(f"{self.name}: {lacking[0].key}=VALUE is needed: {lacking[0].about}.")
        return values if self.others is None else {**values, self.others: rest}

    def _placed(self, words: list[str], lacking: list[Option]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        rest = words
        for place in self.places:
            if not rest and not place.optional:
                raise SrlabError(f"{self.name}: {place.name} is needed: {place.about}. {self.usage()}")
            values[place.name.lower()] = rest if place.many else rest[0] if rest else None
            rest = [] if place.many else rest[1:]
        if rest:
            expected = f"expected {lacking[0].key}=VALUE" if lacking else "there is nothing left that it could be"
            raise SrlabError(f"{rest[0]}: {expected}. {self.usage()}")
        return values

    def _keys(self) -> list[str]:
        return [option.key for option in self.options]

    def _switched_on(self, word: str) -> str:
        """Returns the key of an option of true or false, written as --KEY. Raises SrlabError for other words."""
        key = word.lstrip("-").partition("=")[0]
        option = next((option for option in self.options if key in (option.key, option.key.rpartition(".")[2])), None)
        if option is None:
            raise SrlabError(f"{word}: {self.name} has no such option.{nearest(key, self._keys())}")
        if option.read is not yes_or_no or word != f"--{key}":
            value = word.partition("=")[2] or "VALUE"
            raise SrlabError(f"{word}: options are written KEY=VALUE. Say {option.key}={value}.")
        return option.key

    def usage(self) -> str:
        """Returns the line that shows all arguments."""
        places = [f"{place.name}{'...' if place.many else ''}" for place in self.places]
        shown = [f"[{text}]" if place.optional else text for text, place in zip(places, self.places, strict=True)]
        options = [f"{option.key}=..." if option.needed else f"[{option.key}=...]" for option in self.options]
        return " ".join(["usage:", self.name, *shown, *options, *(["[KEY=VALUE...]"] if self.others else [])])

    def help(self) -> str:
        """Returns the whole help."""
        lines = [self.usage(), "", self.about.strip(), ""]
        for place in self.places:
            lines += _entry(place.name, place.about)
        for option in self.options:
            default = "" if option.default in (None, False) else f" (now {option.default})"
            choices = f": {', '.join(option.choices)}" if option.choices else ""
            switch = f", --{option.key}" if option.read is yes_or_no else ""
            lines += _entry(f"{option.key}={switch}", f"{option.about}{choices}{default}")
        return "\n".join(lines)


def run_one_of(name: str, about: str, tools: dict[str, Tool], words: Sequence[str] | None) -> int:
    """Runs the tool that the first word names; without one, or with --help, shows them all. Returns an exit code.

    Args:
        name: of the command that has the tools, such as "srlab data".
        about: what the command is for, with examples.
        tools: by the words that name them.
        words: of the command line; None for this process's own.

    Raises:
        SrlabError: no such tool, or an error of the tool.
    """
    words = list(sys.argv[1:] if words is None else words)
    if not words or words[0] in ("-h", "--help"):
        entries = [line for word, tool in tools.items() for line in _entry(word, tool.about)]
        usage = f"usage: {name} {'|'.join(tools)} ..."
        print_whole("\n".join([usage, "", about.strip(), "", *entries, "", f"{name} WORD --help says more of each."]))
        return 0
    if words[0] not in tools:
        expected = ", ".join(tools)
        raise SrlabError(f"{name} {words[0]}: expected one of {expected}.{nearest(words[0], tools)}")
    return tools[words[0]].main(words[1:])


def is_option(word: str) -> bool:
    """Whether a word is KEY=VALUE. A path with `=` has a slash before it: runs/a=1, ./a=1."""
    key, equals, _ = word.partition("=")
    return bool(equals) and key.replace(".", "").replace("_", "").isalnum()


def yes_or_no(text: str) -> bool:
    """Returns the value of true or false. Raises ValueError for other words."""
    if text not in ("true", "false"):
        raise ValueError(text)
    return text == "true"


KINDS = {int: "an integer", float: "a number", yes_or_no: "true or false"}


def _read(option: Option, text: str) -> Any:
    if option.many and text == "[]":
        return []
    texts = text.removeprefix("[").removesuffix("]").split(",") if option.many else [text]
    values = []
    for part in texts:
        try:
            if not part or (option.choices and part not in option.choices):
                raise ValueError(part)
            values.append(option.read(part))
        except ValueError:
            kind = f"one of {', '.join(option.choices)}" if option.choices else KINDS.get(option.read, "a value")
            hint = nearest(part, option.choices)
            raise SrlabError(f"{option.key}={text}: expected {kind}.{hint}") from None
    return values if option.many else values[0]


def _entry(name: str, about: str) -> list[str]:
    texts = textwrap.wrap(about, WIDTH - COLUMN)
    head = f"  {name}"
    first = [f"{head:{COLUMN}}{texts[0]}"] if len(head) < COLUMN - 1 else [head, " " * COLUMN + texts[0]]
    return [*first, *(" " * COLUMN + text for text in texts[1:])]


def path(text: str) -> Path:
    """Returns a path, with ~ for the home folder."""
    return Path(text).expanduser()
