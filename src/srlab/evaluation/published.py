"""Published numbers, shown beside ours only where method, size, protocol, set and scale are the same."""

import functools
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

TABLE = Path(__file__).with_name("published.yaml")


@functools.cache
def _table() -> dict[str, Any]:
    content = OmegaConf.to_container(OmegaConf.load(TABLE))
    assert isinstance(content, dict)
    return content  # type: ignore[return-value]


def published_parameters(method: str, scale: int) -> int | None:
    """Trainable parameters of the published network; None where the table does not have it."""
    counts = _table().get(method, {}).get("parameters", {})
    return counts.get(scale, counts.get(0))


def published(method: str, parameters: int, protocol: str, image_set: str, scale: int) -> dict[str, float] | None:
    """{"psnr", "ssim"} in print, or None.

    method: the label in tables, with "+" for the self-ensemble. parameters: of our network; where they differ from
    the published network's, it is another network and None is returned.
    """
    if published_parameters(method, scale) != parameters:
        return None
    row = _table()[method].get(protocol, {}).get(image_set, {}).get(scale)
    return None if row is None else {"psnr": row[0], "ssim": row[1]}
