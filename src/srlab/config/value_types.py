"""What kind of value a key of the schema takes, in words."""

import types
import typing
from dataclasses import MISSING as NO_DEFAULT
from dataclasses import fields, is_dataclass
from typing import Any

WORDS = {int: "an integer", float: "a number", bool: "true or false", str: "a text"}
LISTS = {
    int: "a list of integers, such as [1,2]",
    float: "a list of numbers, such as [0.9,0.999]",
    str: "a list, such as [a,b]",
}
BY_SCALE: dict[Any, str] = {
    int: "integers by scale, such as {2:48,4:36}",
    list[float]: "lists of numbers by scale, such as {4:[0.1,0.2]}",
}


def field_types(schema: type) -> dict[str, Any]:
    """Returns the types of a dataclass's fields, by name; of a nested dataclass, the class."""
    hints = typing.get_type_hints(schema)
    return {
        item.name: item.default_factory
        if isinstance(item.default_factory, type) and is_dataclass(item.default_factory)
        else hints[item.name]
        for item in fields(schema)
        if item.default_factory is not NO_DEFAULT or item.name in hints
    }


def without_none(kind: Any) -> tuple[Any, bool]:
    """Returns a type without its None, and whether it had one: of `int | None`, int and True."""
    if isinstance(kind, types.UnionType) or typing.get_origin(kind) is typing.Union:
        others = [part for part in typing.get_args(kind) if part is not type(None)]
        return others[0], True
    return kind, False


def type_of(schema: type, key: str) -> Any:
    """Returns the type of a dotted key, such as `int | None`; Any within dictionaries that the schema leaves open."""
    kind: Any = schema
    for part in key.split("."):
        kind, _ = without_none(kind)
        if isinstance(kind, type) and is_dataclass(kind):
            kind = field_types(kind).get(part, Any)
        else:
            kind = typing.get_args(kind)[1] if typing.get_origin(kind) is dict else Any
    return kind


def expected(schema: type, key: str) -> str:
    """Returns what a key takes, in words, such as "an integer or null"."""
    kind, nullable = without_none(type_of(schema, key))
    if typing.get_origin(kind) is list:
        text = LISTS.get(typing.get_args(kind)[0], "a list")
    elif typing.get_origin(kind) is dict and typing.get_args(kind)[0] is int:
        text = BY_SCALE[typing.get_args(kind)[1]]
    elif typing.get_origin(kind) is dict or (isinstance(kind, type) and is_dataclass(kind)):
        text = f"options of its own, such as {key}.NAME=VALUE"
    else:
        text = WORDS.get(kind, "another type")
    return f"{text} or null" if nullable else text
