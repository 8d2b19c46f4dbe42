"""Checks of plain values (of JSON, YAML, checkpoints) against what is expected, with errors that name the key.

A kind is a function of a value that raises `Mismatch` with what it expected; a place in a value is written as
`rows.2.images.bird.psnr`.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from srlab.errors import SrlabError
from srlab.labels import printable

Kind = Callable[[Any], None]
SHOWN = 40  # characters of a value in a message
LARGEST = 2**62  # of an integer


class Mismatch(Exception):
    """A value is not of its kind.

    Attributes:
        expected: what was expected.
        value: what is there.
        place: the keys that lead to it.
    """

    def __init__(self, expected: str, value: Any) -> None:
        super().__init__(expected)
        self.expected, self.value = expected, value
        self.place: list[str] = []


def check(value: Any, kind: Kind, file: object, advice: str) -> None:
    """Checks a file's content.

    Args:
        value: the content.
        kind: what it should be.
        file: its path, for the error.
        advice: the error's last sentence.

    Raises:
        SrlabError: with the file, the key, what is there and what was expected.
    """
    try:
        kind(value)
    except Mismatch as error:
        place = printable(".".join(reversed(error.place))) or "the content"
        raise SrlabError(f"{file}: {place} is {shown(error.value)}; expected {error.expected}. {advice}") from None


class _Missing:
    """In place of a value where the key is not there."""


def shown(value: Any) -> str:
    """Returns a value for a message: short, in one line, and without building the text of a large one."""
    if isinstance(value, str):
        return f"'{printable(value, SHOWN)}'"
    if value is None or isinstance(value, (bool, int, float)):
        return "an integer beyond 64 bits" if isinstance(value, int) and abs(value) > LARGEST else str(value)
    if isinstance(value, (dict, list, tuple)):
        return f"a {type(value).__name__} of {len(value)}"
    return "missing" if isinstance(value, _Missing) else f"a {type(value).__name__}"


def text(pattern: str | None = None, expected: str = "text", longest: int = 10_000) -> Kind:
    """A string, of at most `longest` characters, all of which `pattern` matches."""
    compiled = re.compile(pattern) if pattern else None

    def kind(value: Any) -> None:
        if not isinstance(value, str) or len(value) > longest or not _encodable(value):
            raise Mismatch(expected, value)
        if compiled and not compiled.fullmatch(value):
            raise Mismatch(expected, value)

    return kind


def _encodable(value: str) -> bool:
    """Whether UTF-8 can hold a text: one half of a surrogate pair, which JSON can name, is in no file and no name."""
    return not any("\ud800" <= character <= "\udfff" for character in value)


TEXT, TEXT_OF_ANY_LENGTH = text(), text(longest=LARGEST)


def integer(low: int = -LARGEST, high: int = LARGEST) -> Kind:
    """An integer from low to high; true and false are none."""

    def kind(value: Any) -> None:
        if type(value) is not int or not low <= value <= high:
            bounds = f" of at least {low}" if low > -LARGEST else ""
            raise Mismatch(f"an integer{bounds}{'' if high == LARGEST else f', at most {high}'}", value)

    return kind


def number(value: Any) -> None:
    """A finite number."""
    if type(value) not in (int, float) or not -1e300 < value < 1e300 or math.isnan(value):
        raise Mismatch("a finite number", value)


def boolean(value: Any) -> None:
    """True or false."""
    if not isinstance(value, bool):
        raise Mismatch("true or false", value)


def anything(value: Any) -> None:
    """Whatever there is."""


def plain(value: Any) -> None:
    """Numbers, text, true, false and null, and lists and dictionaries of them, under text, to any depth."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            for key in one:
                _inside(TEXT, key, "a key")
            waiting += one.values()
        elif isinstance(one, (list, tuple)):
            waiting += one
        elif isinstance(one, str):
            TEXT_OF_ANY_LENGTH(one)
        elif one is not None and type(one) not in (bool, int, float):
            raise Mismatch("plain values", one)


def optional(inner: Kind) -> Kind:
    """The kind, or null."""

    def kind(value: Any) -> None:
        if value is not None:
            inner(value)

    return kind


def list_of(inner: Kind, least: int = 0, of: str = "values") -> Kind:
    """A list (or tuple) of at least `least` values of one kind."""

    def kind(value: Any) -> None:
        if not isinstance(value, (list, tuple)) or len(value) < least:
            raise Mismatch(f"a list of {of}" + (f", at least {least}" if least else ""), value)
        for index, item in enumerate(value):
            _inside(inner, item, str(index))

    return kind


def dict_of(inner: Kind, key: Kind = TEXT, least: int = 0, of: str = "values") -> Kind:
    """A dictionary of at least `least` values of one kind, under keys of one kind."""

    def kind(value: Any) -> None:
        if not isinstance(value, Mapping) or len(value) < least:
            raise Mismatch(f"a dictionary of {of}" + (f", at least {least}" if least else ""), value)
        for name, item in value.items():
            _inside(key, name, "a key")
            _inside(inner, item, str(name))

    return kind


def record(needed: Mapping[str, Kind], others: Mapping[str, Kind] | None = None, closed: bool = False) -> Kind:
    """A dictionary with the `needed` keys, and perhaps the `others`; any more unless it is `closed`."""
    may = others or {}

    def kind(value: Any) -> None:
        if not isinstance(value, Mapping):
            raise Mismatch(f"a dictionary with {', '.join([*needed, *may][:4])}", value)
        for name, inner in needed.items():
            _inside(inner, value.get(name, _Missing()), name)
        for name, inner in may.items():
            if name in value:
                _inside(inner, value[name], name)
        unknown = [name for name in value if name not in needed and name not in may] if closed else []
        if unknown:
            error = Mismatch(f"one of {', '.join([*needed, *may])}", str(unknown[0]))
            error.place.append("a key")
            raise error

    return kind


def _inside(kind: Kind, value: Any, key: str) -> None:
    try:
        kind(value)
    except Mismatch as error:
        error.place.append(key)
        raise
