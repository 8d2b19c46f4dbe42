"""The recipe: how a method is trained, as plain values, which its checkpoints hold."""

from typing import Any

from srlab.config.schema import EvaluateConfig, TrainConfig
from srlab.config.values import as_scales


def recipe_of_model(cfg: TrainConfig | EvaluateConfig) -> dict[str, Any]:
    """Returns the recipe of a configuration that names a model: numbers, strings, lists and dictionaries only."""
    assert cfg.model is not None
    scales, patch = as_scales(cfg.scale), cfg.data.hr_patch_size
    if patch is None and len(scales) == 1:
        patch = (cfg.data.patch_sizes or {}).get(scales[0], cfg.data.patch_size) * scales[0]
    return {
        "name": cfg.model.name,
        "loss": cfg.loss,
        "optimizer": vars(cfg.optimizer).copy(),
        "schedule": vars(cfg.schedule).copy(),
        "ema": cfg.model.ema,
        "max_steps": cfg.trainer.max_steps,
        "gradient_clip_val": cfg.trainer.gradient_clip_val,
        "accumulate_grad_batches": cfg.trainer.accumulate_grad_batches,
        "scales": scales,
        "hr_patch_size": patch,
        "discriminator": cfg.model.discriminator,
        "fit": cfg.model.fit,
        "weights": cfg.weights if isinstance(cfg, TrainConfig) else {},
        "protocol": cfg.protocol.name,
    }
