"""Bare weights: what no shape of them shows, and what to take for it."""

from collections.abc import Mapping
from typing import Any

from srlab.errors import SrlabError
from srlab.networks import NETWORKS
from srlab.networks.arguments import check_arguments, with_defaults
from srlab.weights.recognition import Recognised

# Arguments in a network's `unseen` that change nothing of what given weights compute, or, of convolution, that only
# networks of our own comparisons have otherwise.
HARMLESS = ("initialization", "low_rank", "block_compression", "level_compression", "convolution")


def arguments_of_bare(
    found: Recognised, scale: float | None = None, given: Mapping[str, Any] | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the arguments of a network that was recognised by its weights alone.

    What no shape shows is as published: the constructor's default, and for EDSR with 256 features a residual scale of
    0.1 (section 3.3 and the authors' models).

    Args:
        found: the weights.
        scale: for networks whose weights fit every scale.
        given: arguments that somebody knows.

    Returns:
        All arguments, and those among them that are only assumed and change the result.

    Raises:
        SrlabError: the weights fit every scale, and none is said; or `given` has what the network does not have, or
            what the weights show to be something else.
    """
    kind, given = NETWORKS[found.network], dict(given or {})
    unseen = [name for name in kind.unseen if name not in HARMLESS]
    if "scale" in unseen and "scale" not in given:
        if scale is None or scale != int(scale):
            raise SrlabError(f"{found.network}: these weights fit every scale. Say scale=N, for which they were made.")
        given["scale"] = int(scale)
    shown = {key: value for key, value in found.arguments.items() if key not in unseen}
    for key, value in given.items():
        if shown.get(key, value) != value:
            raise SrlabError(f"{key}={value}: the weights show {shown[key]}.")
    published = {"residual_scale": 0.1} if found.network == "edsr" and shown["features"] == 256 else {}
    check_arguments(kind, {**shown, **given}, found.network)
    arguments = with_defaults(kind, {**shown, **published, **given})
    return arguments, {key: arguments[key] for key in unseen if key in arguments and key not in given}
