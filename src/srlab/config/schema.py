"""What may stand in a configuration, and of which type. conf/ holds the values, with a comment on each."""

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING


@dataclass
class ModelConfig:
    method: str = MISSING
    name: str = MISSING
    network: dict[str, Any] = field(default_factory=dict)
    discriminator: dict[str, Any] = field(default_factory=dict)
    fit: dict[str, Any] = field(default_factory=dict)
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
    recursive: bool = MISSING
    valid_images: int = MISSING
    degradation: str = MISSING
    train_degradation: str | None = None
    patch_size: int = MISSING
    hr_patch_size: int | None = None
    patch_sizes: dict[int, int] | None = None
    growth: dict[int, list[float]] | None = None
    margin: int = MISSING
    curriculum: bool = MISSING
    scale_per: str = MISSING
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
    precision: str = MISSING
    max_steps: int = MISSING
    stop_after: int | None = None
    max_time: str | None = None
    val_check_interval: int = MISSING
    save_every: str | None = None
    monitor: str = MISSING
    log_every_n_steps: int = MISSING
    gradient_clip_val: float | None = None
    max_nonfinite_steps: int = 10
    accumulate_grad_batches: int = MISSING
    deterministic: bool = MISSING
    channels_last: bool = MISSING
    progress_bar: bool = MISSING


@dataclass
class LoggerConfig:
    tensorboard: bool = False
    wandb: bool = False
    project: str = MISSING
    entity: str | None = None
    offline: bool = False
    tags: list[str] = field(default_factory=list)
    notes: str | None = None
    images: int = MISSING
    checkpoints: bool = MISSING


@dataclass
class ProtocolConfig:
    name: str = MISSING


@dataclass
class MosConfig:
    out: str = MISSING
    raters: int = MISSING
    per_rater: int | None = None
    repeats: int = MISSING
    seed: int = MISSING


@dataclass
class _Common:
    """What a model's yaml may set, and what both programs share."""

    seed: int = MISSING
    scale: Any = None
    sets: Any = None
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
    weights: dict[str, str | None] = field(default_factory=dict)
    pretrain: dict[str, Any] | None = None
    metrics: Any = MISSING
    objective: str = MISSING
    runs: str = MISSING
    name: str | None = None
    overwrite: bool = False
    resume: str | None = None
    init_from: str | None = None


@dataclass
class EvaluateWeights:
    """Of the network that is evaluated, and of those that metrics look through."""

    network: str | None = None
    alexnet: str | None = None
    vgg16: str | None = None
    squeezenet1_1: str | None = None


@dataclass
class EvaluateConfig(_Common):
    model: ModelConfig | None = None
    mos: MosConfig = field(default_factory=MosConfig)
    mos_export: bool = False
    ckpt: Any = None
    folder: Any = None
    pattern: str = MISSING
    weights: EvaluateWeights = field(default_factory=EvaluateWeights)
    metrics: Any = MISSING
    ensemble: bool = False
    tile: int | None = None
    precision: str = "32"
    out: str = MISSING
    save_images: bool = False


SCHEMAS: dict[str, type] = {"train": TrainConfig, "evaluate": EvaluateConfig}

# The least that a number may be; below it, something far from the configuration would fail in its own words.
AT_LEAST: dict[str, float] = {
    "seed": 0,
    "tile": 1,
    "data.patch_size": 1,
    "data.hr_patch_size": 1,
    "data.margin": 0,
    "data.batch_size": 1,
    "data.num_workers": 0,
    "data.valid_images": 1,
    "data.sample_images": 1,
    "data.sample_size": 16,
    "trainer.max_steps": 1,
    "trainer.stop_after": 1,
    "trainer.val_check_interval": 1,
    "trainer.log_every_n_steps": 1,
    "trainer.gradient_clip_val": 0,
    "trainer.max_nonfinite_steps": 1,
    "trainer.accumulate_grad_batches": 1,
    "logger.images": 0,
    "optimizer.learning_rate": 0,
    "optimizer.betas": 0,
    "optimizer.epsilon": 0,
    "optimizer.momentum": 0,
    "optimizer.weight_decay": 0,
    "schedule.milestones": 1,
    "schedule.gamma": 0,
    "schedule.warmup": 0,
    "schedule.final": 0,
    "model.ema": 0,
    "mos.raters": 1,
    "mos.per_rater": 1,
    "mos.repeats": 0,
    "mos.seed": 0,
}

# Above these, memory or processes would run out, or the formula would mean something else.
AT_MOST: dict[str, float] = {
    "scale": 64,
    "data.patch_size": 4096,
    "data.hr_patch_size": 16384,
    "data.margin": 1024,
    "data.batch_size": 65536,
    "data.num_workers": 256,
    "data.sample_images": 100_000,
    "data.sample_size": 4096,
    "trainer.devices": 256,
    "schedule.warmup": 1,
    "schedule.final": 1,
}

BELOW: dict[str, float] = {"seed": 2**63, "model.ema": 1, "optimizer.betas": 1, "optimizer.momentum": 1}
