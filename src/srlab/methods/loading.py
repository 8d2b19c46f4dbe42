"""Loads checkpoints and weights from files into methods: to evaluate, to fine-tune, to resume."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from srlab.errors import SrlabError
from srlab.methods import find_method
from srlab.methods.super_resolver import SuperResolver
from srlab.networks import network_name
from srlab.weights.checkpoint import (
    evaluated_part,
    evaluated_weights,
    is_checkpoint,
    parse_checkpoint,
    read_checkpoint,
)
from srlab.weights.files import network_state, read_file
from srlab.weights.fitting import fit, shape_of
from srlab.weights.recognition import described, in_own_keys

# The parts of a recipe that change the weights after a step. A resumed run must keep them; the others may change.
RESUMED = ("loss", "optimizer", "schedule", "ema", "gradient_clip_val", "accumulate_grad_batches", "discriminator")


def load_checkpoint(path: Path) -> SuperResolver:
    """Returns the method that a checkpoint of srlab holds, in eval mode.

    Raises:
        SrlabError: the file is not a checkpoint of srlab, or holds an unknown method.
    """
    checkpoint = read_checkpoint(path)
    method = find_method(checkpoint.method)(checkpoint.network, checkpoint.recipe)
    fit(method, evaluated_part(checkpoint.state), path)
    return method.eval()


def load_weights(method: SuperResolver, path: Path) -> None:
    """Loads weights into a method that was built from a config.

    Args:
        method: its network is changed in place, and its averaged network where it has one.
        path: a state dict in any layout that is known for the network, or a checkpoint of srlab, of which the
            evaluated weights are taken.

    Raises:
        SrlabError: a key is missing, unexpected or of another shape, or the checkpoint is of another network.
    """
    content = read_file(path)
    given = given_weights(method, content, path)
    if is_checkpoint(content):
        _check_same_network(method, parse_checkpoint(content).network, path)
    fit(method.network, _in_own_keys(method, given), path, given)
    if method.averaged is not None:
        method.averaged.load_state_dict(method.network.state_dict())


def given_weights(method: SuperResolver, content: Mapping[str, Any], path: Path) -> dict[str, Tensor]:
    """Returns the weights in a file's content, under the keys of the file.

    Args:
        method: which they are for.
        content: of the file.
        path: of the file, for messages.

    Raises:
        SrlabError: a checkpoint of srlab with another method.
    """
    if not is_checkpoint(content):
        return network_state(content, path)
    checkpoint = parse_checkpoint(content)
    donor = checkpoint.method
    if donor not in (method.key, *method.takes_weights_of):
        raise SrlabError(
            f"{path}: a checkpoint of {donor}, not of {method.key}. Evaluate it by ckpt={path}, without model=."
        )
    return evaluated_weights(checkpoint.state)


def _check_same_network(method: SuperResolver, there: Mapping[str, Any], path: Path) -> None:
    """Compares the arguments of both networks: some of them, such as a residual scale, show in no shape."""
    old, new = method.with_defaults(there), method.with_defaults(method.hparams["network"])
    changed = [f"{key} is {old.get(key)} there and {new.get(key)} here" for key in old if old[key] != new.get(key)]
    if changed:
        raise SrlabError(f"{path}: a checkpoint of another network: {'; '.join(changed)}. Or say ckpt={path} alone.")


def check_resumable(method: SuperResolver, data: Mapping[str, Any], path: Path) -> None:
    """Checks that a checkpoint is of a run of the same network, recipe and data; max_steps may differ.

    Args:
        method: of the run that resumes.
        data: of the run that resumes, as SuperResolutionData.state_dict gives it.
        path: of the checkpoint.

    Raises:
        SrlabError: it is not, or the file is no checkpoint of a training run.
    """
    content = read_file(path)
    checkpoint = parse_checkpoint(content) if is_checkpoint(content) else None
    if checkpoint is None or not checkpoint.resumable or checkpoint.recipe is None:
        raise SrlabError(f"{path}: not a checkpoint of a training run, so it cannot be resumed. Say init_from={path}")
    old, new = method.with_defaults(checkpoint.network), method.with_defaults(method.hparams["network"])
    pairs: dict[str, tuple[Any, Any]] = {"method": (checkpoint.method, method.key)}
    pairs |= {key: (old.get(key), new.get(key)) for key in sorted({*old, *new})}
    recipe = {key: value for key, value in method.hparams["recipe"].items() if key in RESUMED}
    for was, now in ((checkpoint.recipe, recipe), (checkpoint.data, data)):
        pairs |= {key: (_completed(was.get(key), value), value) for key, value in now.items()}
    changed = [f"{key} was {old} and is {new}" for key, (old, new) in pairs.items() if old != new]
    if changed:
        raise SrlabError(
            f"{path}: cannot be resumed by another run: {'; '.join(changed)}. Or start anew: init_from={path}"
        )


def _completed(old: Any, new: Any) -> Any:
    """Adds to what an older version of srlab wrote the options that it did not have yet, with their values of now."""
    if isinstance(new, dict):
        return {key: _completed((old or {}).get(key), value) for key, value in new.items()}
    return new if old is None else old


def transfer(method: SuperResolver, path: Path) -> tuple[list[str], list[str]]:
    """Copies the weights that fit from a file into a method, as a start for fine-tuning (x2 -> x4).

    Args:
        method: its network is changed in place, and its averaged network where it has one.
        path: a checkpoint or weights.

    Returns:
        The keys that were taken, and those that keep their initial values.

    Raises:
        SrlabError: nothing fits.
    """
    given = given_weights(method, read_file(path), path)
    source = _in_own_keys(method, given)
    own = method.network.state_dict()
    taken = [key for key in own if key in source and shape_of(source[key]) == shape_of(own[key])]
    if not taken:
        raise SrlabError(
            f"init_from={path}: none of its weights fits {method.label}. Choose weights of its kind.{described(given)}"
        )
    method.network.load_state_dict({**own, **{key: source[key] for key in taken}})
    if method.averaged is not None:
        method.averaged.load_state_dict(method.network.state_dict())
    return taken, [key for key in own if key not in taken]


def _in_own_keys(method: SuperResolver, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return in_own_keys(method.network, network_name(method.Network), given)
