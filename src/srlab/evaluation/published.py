"""Published numbers, shown beside ours only where method, size, protocol, set and scale are the same."""

import functools
from collections.abc import Iterable
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
    """Returns the number of trainable parameters of the published network; None where the table does not have it."""
    return next(iter(published_sizes(method, scale)), None)


def published_sizes(method: str, scale: int) -> list[int]:
    """Returns the numbers of parameters of a published network: as in the paper, and as released, where they differ."""
    counts = _table().get(method, {}).get("parameters", {})
    size = counts.get(scale, counts.get(0, []))
    return size if isinstance(size, list) else [size]


def published(
    method: str, parameters: int | None, protocol: str, image_set: str, scale: int
) -> dict[str, float] | None:
    """Returns the published quality of a network, {"psnr": dB, "ssim": ...}; None where there is none to compare with.

    Args:
        method: the label in tables, with "+" for the self-ensemble.
        parameters: number of our network's trainable parameters; a network of another size than the published one is
            not compared. None for saved images, which are compared with methods that have no parameters.
        protocol: its name, such as luma.
        image_set: a name of the catalog.
        scale: of the super-resolution.
    """
    if (parameters or 0) not in published_sizes(method, scale):
        return None
    return published_quality(method, protocol, image_set, scale)


def published_quality(method: str, protocol: str, image_set: str, scale: int) -> dict[str, float] | None:
    """Returns the published quality of a method of any size: {"psnr": dB, "ssim": ...}; None where there is none.

    The arguments are those of `published`.
    """
    row = _table().get(method, {}).get(protocol, {}).get(image_set, {}).get(scale)
    return None if row is None else {"psnr": row[0], "ssim": row[1]}


def published_protocol(method: str, image_sets: Iterable[str]) -> str | None:
    """Returns the protocol under which a method's numbers on some of these sets were published; None without any."""
    wanted = set(image_sets)
    rows = _table().get(method, {}).items()
    return next((name for name, sets in rows if name != "parameters" and wanted & sets.keys()), None)
