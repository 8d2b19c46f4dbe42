"""Finds metrics by their names on the command line."""

from collections.abc import Collection, Mapping, Sequence

import torch

from srlab.errors import SrlabError, nearest
from srlab.metrics.metric import PSNR, SSIM, Meter
from srlab.metrics.perceptual import DISTANCES

PLAIN = {meter.metric.name: meter for meter in (PSNR, SSIM)}


def check_metrics(names: Sequence[str], weights: Mapping[str, str | None], elsewhere: Collection[str] = ()) -> None:
    """Checks what a person asked for.

    Args:
        names: of metrics.
        weights: where a backbone's weights come from, by the backbone's name in `srlab.weights.backbones`.
        elsewhere: backbones that something else needs, such as a loss.

    Raises:
        SrlabError: a metric is unknown, there is none, or weights are given that nothing needs.
    """
    known = [*PLAIN, *DISTANCES]
    if not names:
        raise SrlabError(f"metrics=[]: expected a list of {', '.join(known)}.")
    for name in names:
        if name not in known:
            raise SrlabError(f"metrics={name}: expected {', '.join(known)}.{nearest(str(name), known)}")
    used = {*elsewhere, *(DISTANCES[name].backbone for name in names if name in DISTANCES)}
    for backbone, source in weights.items():
        if source is not None and backbone not in used:
            need = [distance.name for distance in DISTANCES.values() if distance.backbone == backbone]
            listed = ",".join([*names, *need[:1]])
            raise SrlabError(f"weights.{backbone}: no metric that was asked for needs it. Say metrics=[{listed}]")


def meters_of(
    names: Sequence[str], weights: Mapping[str, str | None], device: torch.device, elsewhere: Collection[str] = ()
) -> tuple[Meter, ...]:
    """Returns the metrics in the order in which they were asked for, each once.

    Args:
        names: see `check_metrics`.
        weights: see `check_metrics`.
        device: where perceptual metrics run.
        elsewhere: see `check_metrics`.

    Raises:
        SrlabError: as `check_metrics`, and where a backbone's weights cannot be found or downloaded.
    """
    check_metrics(names, weights, elsewhere)
    meters = []
    for name in dict.fromkeys(names):
        distance = DISTANCES.get(name)
        meters.append(PLAIN[name] if distance is None else distance.meter(weights.get(distance.backbone), device))
    return tuple(meters)
