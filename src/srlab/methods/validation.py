"""The numbers of a validation: means over images and scales."""

from collections.abc import Mapping, Sequence

from srlab.metrics.metric import Quality


def validation_means(qualities: Mapping[tuple[str, int], Quality], names: Sequence[str]) -> dict[str, float]:
    """Averages what was measured over images, and over scales where there are several.

    Args:
        qualities: (an image's name, scale) -> what was measured of it.
        names: of the metrics.

    Returns:
        val/NAME, and val/NAME_xS for each scale where there are several; nothing without images.
    """
    scales = sorted({scale for _, scale in qualities})
    found: dict[str, float] = {}
    for name in names if scales else []:
        means = {}
        for scale in scales:
            values = [quality[name] for (_, of), quality in qualities.items() if of == scale]
            means[scale] = sum(values) / len(values)
        if len(scales) > 1:
            found |= {f"val/{name}_x{scale}": value for scale, value in means.items()}
        found[f"val/{name}"] = sum(means.values()) / len(means)
    return found
