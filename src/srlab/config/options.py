"""The configuration: composed by Hydra and checked, so that a misspelt option is an error and never ignored."""

import functools
from collections.abc import Iterator
from dataclasses import MISSING as NO_DEFAULT
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

import hydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, QuotedString
from hydra.errors import HydraException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigKeyError, MissingMandatoryValue, OmegaConfBaseException

from srlab.config.schema import AT_LEAST, BELOW, EvaluateConfig, ModelConfig, TrainConfig
from srlab.errors import SrlabError, nearest

CONF = Path(__file__).parents[3] / "conf"
OPTIONAL = ("experiment", "sweep")  # groups that may be null
PRETRAIN = "pretrain."  # starts the keys of an earlier stage, which are those of a run
NO_GROUPS = ("wandb",)  # folders of conf/ that are not for Hydra
SCHEMAS: dict[str, type] = {"train": TrainConfig, "evaluate": EvaluateConfig}
Config = TypeVar("Config", TrainConfig, EvaluateConfig)


def parse(cfg: DictConfig, schema: type[Config]) -> Config:
    """The config as typed objects. Raises SrlabError, with the nearest valid key, for what the schema lacks."""
    try:
        merged = OmegaConf.merge(OmegaConf.structured(schema), _in_full(cfg) if schema is EvaluateConfig else cfg)
        config: Config = OmegaConf.to_object(merged)  # type: ignore[assignment]
    except ConfigKeyError as error:
        raise _unknown(error.full_key or str(error.key), schema) from None
    except MissingMandatoryValue as error:
        raise SrlabError(f"{error.full_key}: a value is needed.") from None
    except OmegaConfBaseException as error:
        raise SrlabError(f"{error.full_key}: {str(error).splitlines()[0]}.") from None
    for key, least in AT_LEAST.items():
        value = OmegaConf.select(merged, key)
        if value is not None and not value >= least:
            raise SrlabError(f"{key}={value}: expected {least} or more.")
    for key, limit in BELOW.items():
        value = OmegaConf.select(merged, key)
        if value is not None and not value < limit:
            raise SrlabError(f"{key}={value}: expected less than {limit}.")
    return config


def _in_full(cfg: DictConfig) -> DictConfig:
    """`weights=FILE`, which Hydra has put in the place of all of `weights`, as weights.network."""
    weights = cfg.get("weights")
    if isinstance(weights, DictConfig):
        return cfg
    file = None if weights is None else str(weights)
    return OmegaConf.merge(cfg, {"weights": {"network": file}})  # type: ignore[return-value]


def as_list(value: Any) -> list[Any]:
    """One value or several, as the command line gives them: `scale=2` or `scale=[2,3]`; None is none."""
    return list(value) if isinstance(value, (list, tuple)) else [] if value is None else [value]


def as_scales(value: Any) -> list[int]:
    """The scales of `scale=`. Raises SrlabError for what is not an integer of at least 1."""
    scales = as_list(value)
    for scale in scales:
        if type(scale) is not int or scale < 1:
            raise SrlabError(f"scale={value}: expected an integer such as 2, or a list such as [2,3,4].")
    return sorted(set(scales))


def compose(name: str, overrides: list[str] | None = None, hydra_too: bool = False) -> DictConfig:
    """conf/NAME.yaml (train or evaluate) with overrides, as the command line would compose it.

    hydra_too: with Hydra's own part, `hydra`.
    """
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        return hydra.compose(name, overrides or [], return_hydra_config=hydra_too)


def groups_of_options() -> list[str]:
    """Hydra's groups: the folders of conf/."""
    return sorted(path.name for path in CONF.iterdir() if path.is_dir() and path.name not in NO_GROUPS)


def check_overrides(words: list[str], schema: type) -> None:
    """Raises SrlabError for an override that Hydra would refuse without a suggestion, or accept after a `+`."""
    _check_weights(words)
    keys, groups = set(_keys(schema)), set(groups_of_options())
    for word in words:
        override = _parse_override(word)
        key = override.key_or_group
        if key.split("/")[0].split(".")[0] == "hydra":
            continue
        choices = list(override.sweep_iterator()) if override.is_choice_sweep() else [override.value()]
        if key in groups and all(choice is None or isinstance(choice, (str, QuotedString)) for choice in choices):
            for choice in choices:
                _check_choice(key, None if choice is None else str(choice))
        elif key.removeprefix(PRETRAIN) in keys | groups | _open_keys():
            continue
        elif not (override.is_add() and key.startswith("model.network.")):
            raise _unknown(key, schema)


def _check_weights(words: list[str]) -> None:
    """Raises SrlabError for weights=FILE beside weights.NAME=FILE, of which Hydra would forget one."""
    alone = [word for word in words if word.startswith("weights=")]
    others = [word for word in words if word.startswith("weights.")]
    if alone and others:
        raise SrlabError(f"{alone[0]} beside {others[0]}: say weights.network={alone[0].partition('=')[2]}")


def composed(name: str, words: list[str], hydra_too: bool = False) -> DictConfig:
    """conf/NAME.yaml with overrides. Raises SrlabError in one line where Hydra's own error has many."""
    try:
        return compose(name, words, hydra_too)
    except HydraException as error:
        cause = str(error.__cause__ or "").partition("\n")[0]
        key = str(error).partition("'")[2].partition("'")[0]
        if key.startswith("model.network.") and "is not in struct" in cause:
            raise SrlabError(f"{key}: the chosen model has no such option; conf/model shows what it has.") from None
        raise SrlabError(" ".join([*str(error).partition("\n")[:1], cause]).strip()) from None


def _parse_override(word: str) -> Override:
    try:
        return OverridesParser.create().parse_override(word)
    except (OverrideParseException, HydraException):
        key, _, value = word.partition("=")
        hint = f"In a value, = and , need quoting: '{key}=\"{value}\"'" if value else "Expected key=value."
        raise SrlabError(f"{word}: cannot be read. {hint}") from None


def _check_choice(group: str, choice: str | None) -> None:
    folder = CONF / group
    files = (path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.yaml"))
    choices = sorted(name for name in files if name != "base")
    if choice not in choices and not (choice is None and group in OPTIONAL):
        expected = ", ".join(choices)
        raise SrlabError(f"{group}={choice or 'null'}: expected one of {expected}.{nearest(choice or '', choices)}")


def _unknown(key: str, schema: type) -> SrlabError:
    """By the whole key first; else by its last word, for keys that were put at the wrong place."""
    known = [*_keys(schema), *sorted(_open_keys())]
    hint = nearest(key, known)
    if not hint or key.rpartition(".")[2] in {name.rpartition(".")[2] for name in known}:
        same = [name for name in known if name.rpartition(".")[2] == key.rpartition(".")[2]]
        same.sort(key=lambda name: name.startswith("model.discriminator."))  # the rarer one last
        hint = f" Did you mean '{same[0]}'?" if same else hint
    return SrlabError(f"{key}: no such option.{hint}")


def _keys(schema: type, prefix: str = "") -> Iterator[str]:
    """Every dotted key of a schema."""
    for item in fields(schema):
        yield prefix + item.name
        kind = item.default_factory if item.default_factory is not NO_DEFAULT else item.type
        kind = ModelConfig if item.name == "model" else kind
        if isinstance(kind, type) and is_dataclass(kind):
            yield from _keys(kind, f"{prefix}{item.name}.")


@functools.cache
def _open_keys() -> frozenset[str]:
    """What the yamls set in dictionaries that the schema leaves open: arguments of networks, options of loss terms."""
    models = [OmegaConf.load(path) for path in (CONF / "model").glob("*.yaml")]
    parts = ("model.network", "model.discriminator")
    networks = {f"{part}.{key}" for model in models for part in parts for key in OmegaConf.select(model, part) or {}}
    terms: Any = OmegaConf.to_container(OmegaConf.load(CONF / "loss" / "base.yaml"))
    options = {f"loss.{term}.{key}" for term in terms for key in terms[term]}
    weights = {f"weights.{name}" for name in OmegaConf.load(CONF / "train.yaml").weights}
    return frozenset(networks | options | weights | {f"loss.{term}" for term in terms})
