"""The error for several values of a key without -m, and what was probably meant."""

import shlex
import typing

from srlab.config.folder import LIST_GROUPS
from srlab.config.text_words import COMPUTED
from srlab.config.value_types import type_of, without_none
from srlab.errors import SrlabError

ONE_OR_SEVERAL = ("scale", "sets", "metrics", "ckpt")  # keys that take a value or a list


def not_asked(word: str, schema: type) -> SrlabError:
    """Returns the error for a word such as scale=2,4 where a single job was asked for.

    Args:
        word: KEY=VALUES, which Hydra reads as several values.
        schema: TrainConfig or EvaluateConfig.
    """
    key, _, values = word.partition("=")
    kind, _ = without_none(type_of(schema, key.lstrip("+")))
    text = f"{word}: several values are a sweep. Say -m for a job with each of them"
    if COMPUTED.search(values):
        return SrlabError(f"{text}.")
    if key in (*ONE_OR_SEVERAL, *LIST_GROUPS) or typing.get_origin(kind) is list:
        return SrlabError(f"{text}, or {shlex.quote(f'{key}=[{values}]')} for one job with all of them.")
    if kind is str:
        return SrlabError(f"""{text}, or {shlex.quote(f'{key}="{values}"')} for one text with a comma.""")
    return SrlabError(f"{text}.")
