"""What a checkpoint must hold, checked once when it is read: after that no key is missing and no value of another type.

The file itself is bounded by `srlab.weights.content_limits`. Here are the entries that srlab reads, then the network's
arguments against its constructor, and the weights against the network that these arguments would build.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from srlab import plain_schema as schema
from srlab.errors import SrlabError, nearest
from srlab.finite import in_json
from srlab.networks import NETWORKS, NETWORKS_OF_METHODS
from srlab.networks.arguments import check_arguments
from srlab.networks.sketch import sketch
from srlab.plain_schema import anything, dict_of, integer, list_of, number, optional, plain, record, text
from srlab.weights.content_limits import AGAIN, check_finite
from srlab.weights.fitting import check_fit
from srlab.weights.packed import ABOUT, MARK

OPTIONS = dict_of(plain, of="options")
STATES = dict_of(anything)  # of what only training reads: tensors and numbers
LOSS = dict_of(record({}, {"weight": optional(number), "network": optional(text())}), of="loss terms")
RECIPE = record(
    needed={"name": text(longest=1000), "loss": LOSS, "ema": optional(number)},
    others={
        "optimizer": optional(OPTIONS),
        "schedule": optional(OPTIONS),
        "max_steps": optional(integer()),
        "gradient_clip_val": optional(number),
        "accumulate_grad_batches": optional(integer(1)),
        "scales": optional(list_of(integer(1, 64), of="scales")),
        "hr_patch_size": optional(integer(1)),
        "discriminator": optional(OPTIONS),
        "fit": optional(OPTIONS),
        "weights": optional(dict_of(optional(text()), of="files by backbone")),
        "protocol": optional(text(longest=100)),
    },
)


DATA = "SuperResolutionData"  # the entry of the data module, under its class's name, as Lightning writes it
ROW = record(
    {"set": text(), "scale": integer(1), "protocol": text(), "psnr": in_json, "ssim": in_json},
    closed=True,
)
BESIDE = record(
    {},
    {
        "rows": list_of(ROW),
        "images": list_of(record({"set": text(), "terms": text()}, closed=True)),
        "notes": list_of(text()),
        "license": text(),
    },
)


def _tensor(value: Any) -> None:
    if not isinstance(value, Tensor):
        raise schema.Mismatch("a tensor", value)


CHECKPOINT = record(
    needed={
        MARK: record({"method": text(longest=100)}, {"version": text(longest=100), "seconds": number}),
        "hyper_parameters": record({"network": OPTIONS, "recipe": optional(RECIPE)}),
        "state_dict": dict_of(_tensor, of="tensors"),
    },
    others={
        "global_step": integer(0),
        "epoch": integer(0),
        DATA: OPTIONS,
        ABOUT: BESIDE,
        "optimizer_states": list_of(record({"state": dict_of(STATES, key=anything), "param_groups": list_of(STATES)})),
        "lr_schedulers": list_of(STATES),
        "callbacks": dict_of(anything),
        "loops": dict_of(STATES),
    },
)


def check_checkpoint(content: Mapping[str, Any], path: Path) -> None:
    """Checks the entries of a checkpoint.

    Args:
        content: of the file, within `check_limits`.
        path: of the file, for errors.

    Raises:
        SrlabError: with the key, what is there and what was expected; or weights that are not finite.
    """
    schema.check(content, CHECKPOINT, path, AGAIN)
    check_finite(content["state_dict"], path)


def network_of_method(method: str, path: Path) -> str:
    """Returns the key in NETWORKS of a method's network. Raises SrlabError for a method that srlab does not have."""
    name = NETWORKS_OF_METHODS.get(method, method)
    if name not in NETWORKS:
        raise SrlabError(
            f"{path}: {schema.shown(method)} is not a method ({', '.join(NETWORKS)}).{nearest(name, NETWORKS)}"
        )
    return name


def check_network(method: str, arguments: Mapping[str, Any], weights: Mapping[str, Tensor], path: Path) -> None:
    """Checks that a network can be built of the arguments, and that the weights fit it, without building it.

    Args:
        method: that the checkpoint names.
        arguments: of the network's constructor.
        weights: of the network, by its own keys.
        path: of the file, for errors.

    Raises:
        SrlabError: an unknown method, an argument that is unknown, missing, of another type or larger than the weights
            allow, or weights of other keys, shapes or types.
    """
    kind = NETWORKS[network_of_method(method, path)]
    try:
        check_arguments(kind, arguments, method)
        own = sketch(kind, arguments, weights)
    except SrlabError as error:
        raise SrlabError(f"{path}: {error}") from None
    check_fit(own, weights, path)
