"""Words whose options are texts: what Hydra would read as something else is quoted, and ~ is the home folder.

Hydra reads name=2024_11_1 as the number 2024111, and cannot read ckpt=a=b.ckpt at all. An option that takes a text,
such as a name or a path, gets what was typed.
"""

import re
import typing
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from srlab.config.value_types import type_of, without_none

PRETRAIN = "pretrain."  # starts the keys of an earlier stage, which are those of a run
# Options that the schema leaves open, since they take one text or several.
TEXTS = ("sets", "ckpt", "folder", "metrics", "weights")
PATHS = ("runs", "out", "mos.out", "resume", "init_from", "data.root", "data.cache", "data.train", "data.valid")
PATHS_TOO = ("sets", "ckpt", "folder", "weights")  # names, or paths
# A part of a list: something in quotes, or all up to the next comma.
PART = re.compile(r"""\s*(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")\s*(?=,|$)|[^,]*""")
# What Hydra computes: choice(a,b), range(1,5), ${seed}. None of it is a text of its own.
COMPUTED = re.compile(r"^(choice|range|interval|glob|shuffle|sort|tag|str|int|float|bool|extend_list)\(|\$\{")


def with_text(word: str, schema: type) -> str:
    """Returns a word of a command line as Hydra must get it, so that a text stays the text that was typed.

    Args:
        word: such as name=2024_11_1, ckpt=[a (1).ckpt,b.ckpt] or scale=2. Words of other options are returned as they
            are; so are null, and values that are quoted already.
        schema: TrainConfig or EvaluateConfig.
    """
    key, equals, value = word.partition("=")
    name = key.lstrip("+").removeprefix(PRETRAIN)
    if not equals or not _takes_text(name, schema) or COMPUTED.search(value) or (_is_written(value) and _reads(word)):
        return word
    is_path = name in (*PATHS, *PATHS_TOO) or name.startswith("weights.")
    is_list = value.startswith("[") and value.endswith("]") and _takes_texts(name, schema)
    inside = value[1:-1] if is_list else value
    texts = ",".join(_as_text(part, is_path) for part in _parts(inside))
    return f"{key}=[{texts}]" if is_list else f"{key}={texts}"


def home_expanded(path: str) -> str:
    """Returns a path with the home folder for a ~ at its beginning."""
    return str(Path(path).expanduser()) if path == "~" or path.startswith("~/") else path


def _takes_text(key: str, schema: type) -> bool:
    kind, _ = without_none(type_of(schema, key))
    return kind is str or _takes_texts(key, schema)


def _takes_texts(key: str, schema: type) -> bool:
    kind, _ = without_none(type_of(schema, key))
    return key in TEXTS or (typing.get_origin(kind) is list and typing.get_args(kind)[0] is str)


def _parts(text: str) -> list[str]:
    """Splits at the commas that are outside quotes."""
    parts, start = [], 0
    while start <= len(text):
        match = PART.match(text, start)
        assert match is not None  # PART matches nothing, too
        parts.append(match[0])
        start = match.end() + 1
    return parts


def _is_written(value: str) -> bool:
    """Whether a value has quotes or several lists: it was written for Hydra."""
    return "'" in value or '"' in value or value.count("[") > 1


def _reads(word: str) -> bool:
    try:
        OverridesParser.create().parse_override(word)
    except HydraException:
        return False
    return True


def _as_text(text: str, is_path: bool) -> str:
    """Returns a text, in quotes where Hydra would read something else without them."""
    text = home_expanded(text.strip()) if is_path else text.strip()
    if not text or text == "null" or _is_quoted(text) or ("\\" not in text and _is_read_as(text, text)):
        return text
    escaped = re.sub(r"(\\*)'", r"\1\1\\'", text)  # in quotes, backslashes are special only before a quote
    escaped += "\\" * (len(escaped) - len(escaped.rstrip("\\")))
    return f"'{escaped}'"


def _is_quoted(text: str) -> bool:
    return len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" and _reads(f"x={text}")


def _is_read_as(text: str, value: str) -> bool:
    try:
        return bool(OverridesParser.create().parse_override(f"x={text}").value() == value)
    except HydraException:
        return False
