"""Options that were called otherwise once: the old name on the left, the new one on the right."""

from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict

RENAMED: dict[str, str] = {
    "trainer.best_by": "trainer.monitor",
    "loss.content": "loss.perceptual",
    "loss.texture": "loss.style",
    "logger.name": "logger",  # a choice of a group since a run can have several
}
RENAMED_VALUES: dict[str, dict[str, str]] = {"trainer.monitor": {"psnr": "val/psnr"}}


def new_name(key: str) -> str | None:
    """Returns what a key is called now, such as loss.perceptual.weight for loss.content.weight; None for other keys."""
    for old, new in RENAMED.items():
        if key == old or key.startswith(f"{old}."):
            return new + key.removeprefix(old)
    return None


def with_new_names(cfg: DictConfig) -> DictConfig:
    """Returns the configuration of an earlier run under the names of today. The argument is changed."""
    with open_dict(cfg):
        for old, new in RENAMED.items():
            parent, _, last = old.rpartition(".")
            node: Any = OmegaConf.select(cfg, parent)
            if not isinstance(node, DictConfig) or last not in node:
                continue
            value = node.pop(last)
            if old == "logger.name":
                new, value = f"logger.{value}", True  # noqa: PLW2901
            OmegaConf.update(cfg, new, RENAMED_VALUES.get(new, {}).get(str(value), value))
        if "logger" in cfg:
            cfg.logger.pop("csv", None)  # always written: no option says so
    return cfg
