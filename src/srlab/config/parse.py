"""From a composed configuration to typed objects: keys, types and ranges are checked against the schema."""

from typing import TypeVar

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigKeyError, MissingMandatoryValue, OmegaConfBaseException

from srlab.config.known_keys import unknown_key
from srlab.config.schema import AT_LEAST, BELOW, EvaluateConfig, TrainConfig
from srlab.errors import SrlabError

Config = TypeVar("Config", TrainConfig, EvaluateConfig)


def parse(cfg: DictConfig, schema: type[Config]) -> Config:
    """Returns the configuration as typed objects.

    Raises:
        SrlabError: a key that the schema lacks (with the nearest that it has), a wrong type, a value out of range.
    """
    try:
        merged = OmegaConf.merge(OmegaConf.structured(schema), _in_full(cfg) if schema is EvaluateConfig else cfg)
        config: Config = OmegaConf.to_object(merged)  # type: ignore[assignment]
    except ConfigKeyError as error:
        raise unknown_key(error.full_key or str(error.key), schema) from None
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
