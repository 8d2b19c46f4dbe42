"""Reads JSON and YAML that somebody else may have written: as plain values, of bounded size, with one-line errors."""

import json
import re
from pathlib import Path
from typing import Any, ClassVar, NoReturn

import yaml

from srlab.errors import SrlabError

LARGEST = 256 << 20  # bytes


def read_plain_text(path: Path, advice: str) -> str:
    """Returns the text of a file in UTF-8, with or without a byte order mark.

    Raises:
        SrlabError: it cannot be read, is too large or holds something else; the message ends with the advice.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise SrlabError(f"{path}: {path.stat().st_size:,} bytes; expected at most {LARGEST:,}. {advice}")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SrlabError(f"{path}: cannot be read ({error.strerror}). {advice}") from None
    except UnicodeDecodeError as error:
        raise SrlabError(f"{path}: damaged (byte {error.start:,} is not UTF-8). {advice}") from None


def read_plain_json(path: Path, advice: str) -> Any:
    """Returns the content of a JSON file. NaN and infinities are not JSON.

    Raises:
        SrlabError: as `read_plain_text`, or it is not JSON.
    """
    text = read_plain_text(path, advice)
    try:
        return json.loads(text, parse_constant=_no_number)
    except RecursionError:
        raise SrlabError(f"{path}: damaged (too many levels). {advice}") from None
    except ValueError as error:  # also a number of more digits than Python reads
        raise SrlabError(f"{path}: damaged ({_first_line(error)}). {advice}") from None


def read_plain_yaml(path: Path, advice: str) -> Any:
    """Returns the content of a YAML file: ${...} stays text, and nothing of it is resolved.

    Raises:
        SrlabError: as `read_plain_text`, or it is not YAML, has tags of objects, or anchors, which srlab does not write
            and which can make a small file a large one.
    """
    text = read_plain_text(path, advice)
    try:
        return yaml.load(text, Loader=_PlainLoader)
    except RecursionError:
        raise SrlabError(f"{path}: damaged (too many levels). {advice}") from None
    except (yaml.YAMLError, ValueError, TypeError) as error:
        raise SrlabError(f"{path}: cannot be read ({_first_line(error)}). {advice}") from None


class _PlainLoader(yaml.SafeLoader):
    """YAML as OmegaConf reads it: 1e-4 is a number, and a date is text."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError(f"an alias in line {self.peek_event().start_mark.line + 1}")
        return super().compose_node(parent, index)


_PlainLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+"), list("-+0123456789")
)


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:200] or type(error).__name__
