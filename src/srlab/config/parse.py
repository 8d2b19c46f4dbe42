"""From a composed configuration to typed objects: keys, types and ranges are checked against the schema."""

import math
import typing
from collections.abc import Iterator
from dataclasses import is_dataclass
from typing import Any, TypeVar

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import (
    ConfigKeyError,
    ConfigTypeError,
    MissingMandatoryValue,
    OmegaConfBaseException,
    ValidationError,
)

from srlab.config.known_keys import keys_of, loss_terms, unknown_key
from srlab.config.schema import AT_LEAST, AT_MOST, BELOW, EvaluateConfig, TrainConfig
from srlab.config.text_words import PATHS, PATHS_TOO, home_expanded
from srlab.config.value_types import expected, type_of, without_none
from srlab.config.values import as_scales
from srlab.errors import SrlabError

Config = TypeVar("Config", TrainConfig, EvaluateConfig)


def parse(cfg: DictConfig, schema: type[Config]) -> Config:
    """Returns the configuration as typed objects.

    Raises:
        SrlabError: a key that the schema lacks (with the nearest that it has), a wrong type, a value out of range.
    """
    if schema is EvaluateConfig:
        cfg = _in_full(cfg)
    try:
        merged: Any = OmegaConf.merge(OmegaConf.structured(schema), cfg)
        _with_home(merged)
        config: Config = OmegaConf.to_object(merged)  # type: ignore[assignment]
    except ConfigKeyError as error:
        raise unknown_key(error.full_key or str(error.key), schema) from None
    except MissingMandatoryValue as error:
        raise SrlabError(f"{error.full_key}: a value is needed.") from None
    except (ValidationError, ConfigTypeError) as error:
        raise _wrong_type(cfg, schema, error) from None
    except OmegaConfBaseException as error:
        raise SrlabError(f"{error.full_key}: {str(error).splitlines()[0]}.") from None
    for term in config.loss:
        if term not in loss_terms():
            raise unknown_key(f"loss.{term}", schema)
    _check_ranges(merged)
    as_scales(config.scale)
    return config


def _wrong_type(cfg: DictConfig, schema: type, error: OmegaConfBaseException) -> SrlabError:
    key = (error.full_key or "").partition("[")[0]
    if not key:  # OmegaConf does not say which: something else in the place of a section or a dictionary
        sections = (name for name in keys_of(schema) if _has_keys(type_of(schema, name)))
        values = ((name, OmegaConf.select(cfg, name)) for name in sections)
        key = next(name for name, value in values if value is not None and not OmegaConf.is_dict(value))
    value = OmegaConf.select(cfg, key)
    text = str(OmegaConf.to_container(value)).replace("'", "") if OmegaConf.is_config(value) else value
    return SrlabError(f"{key}={'null' if text is None else text}: expected {expected(schema, key)}.")


def _has_keys(kind: Any) -> bool:
    kind, _ = without_none(kind)
    return is_dataclass(kind) or typing.get_origin(kind) is dict


def _check_ranges(cfg: DictConfig) -> None:
    for key, value in _numbers(OmegaConf.to_container(cfg, resolve=True)):
        name = key.partition("[")[0]
        if not math.isfinite(value):
            raise SrlabError(f"{key}={value}: expected a finite number.")
        if name in AT_LEAST and value < AT_LEAST[name]:
            raise SrlabError(f"{key}={value}: expected {AT_LEAST[name]} or more.")
        if name in AT_MOST and value > AT_MOST[name]:
            raise SrlabError(f"{key}={value}: expected {AT_MOST[name]} or less.")
        if name in BELOW and value >= BELOW[name]:
            raise SrlabError(f"{key}={value}: expected less than {BELOW[name]}.")


def _numbers(value: Any, key: str = "") -> Iterator[tuple[str, int | float]]:
    """Yields every number of a configuration and its key, such as optimizer.betas[1]."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _numbers(part, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _numbers(part, f"{key}[{index}]")
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield key, value


def _with_home(cfg: DictConfig) -> None:
    """Puts the home folder in the place of ~ in every path; on command lines, `with_text` has done so."""
    for key in (*PATHS, *PATHS_TOO):
        value = OmegaConf.select(cfg, key)
        if isinstance(value, str):
            OmegaConf.update(cfg, key, home_expanded(value))
        elif isinstance(value, ListConfig):
            OmegaConf.update(cfg, key, [home_expanded(item) if isinstance(item, str) else item for item in value])
        elif isinstance(value, DictConfig):  # weights
            for name, item in value.items():
                if isinstance(item, str):
                    value[name] = home_expanded(item)


def _in_full(cfg: DictConfig) -> DictConfig:
    """`weights=FILE`, which Hydra has put in the place of all of `weights`, as weights.network."""
    weights = cfg.get("weights")
    if isinstance(weights, DictConfig):
        return cfg
    file = None if weights is None else str(weights)
    return OmegaConf.merge(cfg, {"weights": {"network": file}})  # type: ignore[return-value]
