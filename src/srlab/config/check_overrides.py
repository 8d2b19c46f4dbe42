"""Checks the words of a command line before anything is composed: a misspelt option is an error, never ignored."""

from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, OverrideParseException

from srlab.config.folder import LIST_GROUPS, NULLABLE_GROUPS, choices_of, groups_of_options
from srlab.config.known_keys import keys_of, open_keys, unknown_key
from srlab.errors import SrlabError, nearest

PRETRAIN = "pretrain."  # starts the keys of an earlier stage, which are those of a run


def check_overrides(words: list[str], schema: type, config_dir: Path | None = None) -> None:
    """Checks keys and choices of groups.

    Args:
        words: such as model=edsr or seed=1,2,3.
        schema: TrainConfig or EvaluateConfig.
        config_dir: a folder of more yamls, laid out as conf/.

    Raises:
        SrlabError: an override that Hydra would refuse without a suggestion, or accept after a `+`.
    """
    _check_weights(words)
    keys, groups = set(keys_of(schema)), set(groups_of_options())
    for word in words:
        override = parse_override(word)
        key = override.key_or_group
        if key.split("/")[0].split(".")[0] == "hydra":
            continue
        if key in groups and not isinstance(override.value(), dict):
            _check_choices(override, word, config_dir)
        elif key.removeprefix(PRETRAIN) in keys | groups | open_keys():
            continue
        elif not (override.is_add() and key.startswith("model.network.")):
            raise unknown_key(key, schema)


def _check_weights(words: list[str]) -> None:
    """Raises SrlabError for weights=FILE beside weights.NAME=FILE, of which Hydra would forget one."""
    alone = [word for word in words if word.startswith("weights=")]
    others = [word for word in words if word.startswith("weights.")]
    if alone and others:
        raise SrlabError(f"{alone[0]} beside {others[0]}: say weights.network={alone[0].partition('=')[2]}")


def parse_override(word: str) -> Override:
    """Returns what Hydra reads in a word. Raises SrlabError where it cannot read it."""
    try:
        return OverridesParser.create().parse_override(word)
    except (OverrideParseException, HydraException):
        key, _, value = word.partition("=")
        hint = f"In a value, = and , need quoting: '{key}=\"{value}\"'" if value else "Expected key=value."
        raise SrlabError(f"{word}: cannot be read. {hint}") from None


def _check_choices(override: Override, word: str, config_dir: Path | None) -> None:
    group = override.key_or_group
    choices = choices_of(group, config_dir)
    for choice in list(override.sweep_iterator()) if override.is_choice_sweep() else [override.value()]:
        if not isinstance(choice, list):
            _check_choice(group, choice, choices)
        elif group not in LIST_GROUPS:
            raise SrlabError(f"{word}: expected one choice. For a job with each of them, say -m {group}=A,B,C.")
        else:
            for name in choice:
                _check_choice(group, name, choices)


def _check_choice(group: str, value: Any, choices: list[str]) -> None:
    choice = None if value is None else str(value)
    if choice not in choices and not (choice is None and group in NULLABLE_GROUPS):
        expected = ", ".join(choices)
        raise SrlabError(f"{group}={choice or 'null'}: expected one of {expected}.{nearest(choice or '', choices)}")
