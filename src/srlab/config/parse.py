"""From a composed configuration to typed objects: keys, types and ranges are checked against the schema."""

import typing
from dataclasses import is_dataclass
from typing import Any, TypeVar

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import (
    ConfigKeyError,
    ConfigTypeError,
    MissingMandatoryValue,
    OmegaConfBaseException,
    ValidationError,
)

from srlab.config.known_keys import keys_of, loss_terms, unknown_key
from srlab.config.schema import AT_LEAST, BELOW, EvaluateConfig, TrainConfig
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
    for key, least in AT_LEAST.items():
        value = OmegaConf.select(cfg, key)
        if value is not None and not value >= least:
            raise SrlabError(f"{key}={value}: expected {least} or more.")
    for key, limit in BELOW.items():
        value = OmegaConf.select(cfg, key)
        if value is not None and not value < limit:
            raise SrlabError(f"{key}={value}: expected less than {limit}.")


def _in_full(cfg: DictConfig) -> DictConfig:
    """`weights=FILE`, which Hydra has put in the place of all of `weights`, as weights.network."""
    weights = cfg.get("weights")
    if isinstance(weights, DictConfig):
        return cfg
    file = None if weights is None else str(weights)
    return OmegaConf.merge(cfg, {"weights": {"network": file}})  # type: ignore[return-value]
