"""The configuration: its schema, composed by Hydra and checked, so that a misspelt option fails instead of training."""

import functools
import sys
from collections.abc import Callable, Iterator
from dataclasses import MISSING as NO_DEFAULT
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

import hydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, OverrideParseException
from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import ConfigKeyError, MissingMandatoryValue, OmegaConfBaseException

from srlab.errors import SrlabError, nearest

CONF = Path(__file__).parents[2] / "conf"


@dataclass
class ModelConfig:
    method: str = MISSING
    name: str = MISSING
    network: dict[str, Any] = field(default_factory=dict)
    ema: float = 0.0


@dataclass
class OptimizerConfig:
    name: str = MISSING
    learning_rate: float = MISSING
    betas: list[float] = MISSING
    epsilon: float = MISSING
    momentum: float = MISSING
    weight_decay: float = MISSING


@dataclass
class ScheduleConfig:
    name: str = MISSING
    milestones: list[int] = MISSING
    gamma: float = MISSING
    warmup: float = MISSING
    final: float = MISSING


@dataclass
class DataConfig:
    kind: str = MISSING
    name: str | None = None
    root: str = MISSING
    cache: str = MISSING
    train: list[str] = field(default_factory=list)
    valid: str | None = None
    valid_images: int = MISSING
    patch_size: int = MISSING
    small_images: str = MISSING
    batch_size: int = MISSING
    augment: bool = MISSING
    num_workers: int = MISSING
    sample_images: int = MISSING
    sample_size: int = MISSING


@dataclass
class TrainerConfig:
    accelerator: str = MISSING
    devices: Any = MISSING
    num_nodes: int = MISSING
    precision: str = MISSING
    max_steps: int = MISSING
    stop_after: int | None = None
    val_check_interval: int = MISSING
    log_every_n_steps: int = MISSING
    gradient_clip_val: float | None = None
    accumulate_grad_batches: int = MISSING
    deterministic: bool = MISSING
    channels_last: bool = MISSING
    progress_bar: bool = MISSING


@dataclass
class LoggerConfig:
    name: str = MISSING
    project: str = MISSING
    entity: str | None = None
    offline: bool = False


@dataclass
class ProtocolConfig:
    name: str = MISSING


@dataclass
class MosConfig:
    out: str = MISSING
    raters: int = MISSING
    per_rater: int | None = None
    seed: int = MISSING


@dataclass
class _Common:
    """What a model's yaml may set, and what both programs share."""

    seed: int = MISSING
    scale: Any = None
    sets: list[str] | None = None
    loss: dict[str, dict[str, Any]] = MISSING
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    data: DataConfig = field(default_factory=DataConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    protocol: ProtocolConfig = field(default_factory=ProtocolConfig)


@dataclass
class TrainConfig(_Common):
    model: ModelConfig = field(default_factory=ModelConfig)
    logger: LoggerConfig = field(default_factory=LoggerConfig)
    runs: str = MISSING
    name: str | None = None
    overwrite: bool = False
    resume: str | None = None
    init_from: str | None = None


@dataclass
class EvaluateConfig(_Common):
    model: ModelConfig | None = None
    mos: MosConfig = field(default_factory=MosConfig)
    mos_export: bool = False
    ckpt: Any = None
    weights: str | None = None
    ensemble: bool = False
    tile: int | None = None
    precision: str = "32"
    out: str = MISSING
    save_images: bool = False


SCHEMAS: dict[str, type] = {"train": TrainConfig, "evaluate": EvaluateConfig}
Config = TypeVar("Config", TrainConfig, EvaluateConfig)


def parse(cfg: DictConfig, schema: type[Config]) -> Config:
    """The config as typed objects. Raises SrlabError, with the nearest valid key, for what the schema lacks."""
    try:
        return OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(schema), cfg))  # type: ignore[return-value]
    except ConfigKeyError as error:
        raise _unknown(error.full_key or str(error.key), schema) from None
    except MissingMandatoryValue as error:
        raise SrlabError(f"{error.full_key}: a value is needed.") from None
    except OmegaConfBaseException as error:
        raise SrlabError(f"{error.full_key}: {str(error).splitlines()[0]}.") from None


def compose(name: str, overrides: list[str] | None = None) -> DictConfig:
    """conf/NAME.yaml (train or evaluate) with overrides, as the command line would compose it."""
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        return hydra.compose(name, overrides or [])


def main(run: Callable[[DictConfig], Any], name: str) -> None:
    """The command line of a program: compose conf/NAME.yaml, run, and show a SrlabError as one line."""

    def task(cfg: DictConfig) -> Any:
        with reported():
            return run(cfg)

    words = [word for word in sys.argv[1:] if not word.startswith("-")]
    with reported():
        check_overrides(words, SCHEMAS[name])
        if not {"-m", "--multirun"} & set(sys.argv[1:]):
            _check_composition(name, words)
        hydra.main(version_base="1.3", config_path=str(CONF), config_name=name)(task)()


class reported:
    """Shows a SrlabError as one line on stderr and exits with 1."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type | None, error: BaseException | None, traceback: Any) -> None:
        if isinstance(error, SrlabError):
            print(f"error: {error}", file=sys.stderr, flush=True)
            raise SystemExit(1) from None


def check_overrides(words: list[str], schema: type) -> None:
    """Raises SrlabError for an override that Hydra would refuse without a suggestion, or accept after a `+`."""
    keys, groups = set(_keys(schema)), {path.name for path in CONF.iterdir() if path.is_dir()}
    for word in words:
        override = _parse_override(word)
        key = override.key_or_group
        if key.split("/")[0].split(".")[0] == "hydra":
            continue
        if key in groups and isinstance(override.value(), str):
            _check_choice(key, str(override.value()))
        elif key not in keys | groups | _open_keys() and not (override.is_add() and key.startswith("model.network.")):
            raise _unknown(key, schema)


def _check_composition(name: str, words: list[str]) -> None:
    """Hydra shows its own errors over many lines."""
    try:
        compose(name, words)
    except HydraException as error:
        cause = str(error.__cause__ or "").partition("\n")[0]
        raise SrlabError(" ".join([*str(error).partition("\n")[:1], cause]).strip()) from None


def _parse_override(word: str) -> Override:
    try:
        return OverridesParser.create().parse_override(word)
    except (OverrideParseException, HydraException):
        key, _, value = word.partition("=")
        hint = f"In a value, = and , need quoting: '{key}=\"{value}\"'" if value else "Expected key=value."
        raise SrlabError(f"{word}: cannot be read. {hint}") from None


def _check_choice(group: str, choice: str) -> None:
    choices = sorted(path.stem for path in (CONF / group).glob("*.yaml") if path.stem != "base")
    if choice not in choices and choice != "null":
        raise SrlabError(f"{group}={choice}: expected one of {', '.join(choices)}.{nearest(choice, choices)}")


def _unknown(key: str, schema: type) -> SrlabError:
    """By the whole key first; else by its last word, for keys that were put at the wrong place."""
    known = [*_keys(schema), *sorted(_open_keys())]
    hint = nearest(key, known)
    if not hint or key.rpartition(".")[2] in {name.rpartition(".")[2] for name in known}:
        same = [name for name in known if name.rpartition(".")[2] == key.rpartition(".")[2]]
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
    models = (OmegaConf.load(path) for path in (CONF / "model").glob("*.yaml"))
    networks = {f"model.network.{key}" for model in models for key in OmegaConf.select(model, "model.network") or {}}
    terms: Any = OmegaConf.to_container(OmegaConf.load(CONF / "loss" / "base.yaml"))
    options = {f"loss.{term}.{key}" for term in terms for key in terms[term]}
    return frozenset(networks | options | {f"loss.{term}" for term in terms})


def recipe_of_model(cfg: TrainConfig | EvaluateConfig) -> dict[str, Any]:
    """The plain dictionary that a method is trained by, and that its checkpoints hold. The config must name a model."""
    assert cfg.model is not None
    return {
        "name": cfg.model.name,
        "loss": cfg.loss,
        "optimizer": vars(cfg.optimizer).copy(),
        "schedule": vars(cfg.schedule).copy(),
        "ema": cfg.model.ema,
        "max_steps": cfg.trainer.max_steps,
        "protocol": cfg.protocol.name,
    }
