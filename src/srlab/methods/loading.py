"""Loads checkpoints and weights from files into methods: to evaluate, to fine-tune, to resume."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from srlab.errors import SrlabError
from srlab.inference.loading import published_arguments, recognised
from srlab.methods import find_method
from srlab.methods.spandrel import Spandrel
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
from srlab.weights.foreign_networks import foreign_network
from srlab.weights.recognition import described, in_own_keys, recognise

# The parts of a recipe that change the weights after a step. A resumed run must keep them; the others may change.
RESUMED = (
    "loss",
    "optimizer",
    "schedule",
    "ema",
    "gradient_clip_val",
    "accumulate_grad_batches",
    "discriminator",
    "fit",
)


def load_checkpoint(path: Path) -> SuperResolver:
    """Returns the method that a checkpoint of srlab holds, in eval mode.

    Raises:
        SrlabError: the file is not a checkpoint of srlab, or holds an unknown method.
    """
    checkpoint = read_checkpoint(path)
    method = find_method(checkpoint.method)(checkpoint.network, checkpoint.recipe)
    fit(method, evaluated_part(checkpoint.state), path)
    return method.eval()


def load_whole(path: Path) -> SuperResolver:
    """As `load_checkpoint`, for a file that evaluate.py was given as weights= without model=."""
    content = read_file(path)
    if is_checkpoint(content):
        return load_checkpoint(path)
    state = network_state(content, path)
    found = recognise(state)
    name = "NAME" if found is None else found.network
    raise SrlabError(f"weights={path}: does not say which network it is of. Say model={name} too.{described(state)}")


def load_recognised(path: Path, scale: int) -> SuperResolver:
    """Returns the method of a file that says itself what it is, in eval mode.

    Args:
        path: of a checkpoint of srlab, or of bare weights that srlab or spandrel recognises.
        scale: for the few networks whose weights fit every scale, such as FSRCNN's.

    Raises:
        SrlabError: the file is damaged, or holds something else.
    """
    content = read_file(path)
    if is_checkpoint(content):
        return load_checkpoint(path)
    state = network_state(content, path)
    found = recognised(state, path)
    if found is None:
        return Spandrel(str(path)).eval()
    method = find_method(found.network)(published_arguments(found, path, scale))
    fit(method.network, found.state, path, state)
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
    if is_checkpoint(content):
        checkpoint = parse_checkpoint(content, path)
        _check_same_method(method, checkpoint.method, path)
        _check_same_network(method, checkpoint.network, path)
    given = _given_weights(content, path)
    fit(method.network, _in_own_keys(method, given), path, given)
    if method.averaged is not None:
        method.averaged.load_state_dict(method.network.state_dict())


def _given_weights(content: Mapping[str, Any], path: Path) -> dict[str, Tensor]:
    """Returns the weights in a file's content, of whatever network, under the keys of the file."""
    if is_checkpoint(content):
        return evaluated_weights(parse_checkpoint(content, path).state)
    return network_state(content, path)


def _check_same_method(method: SuperResolver, donor: str, path: Path) -> None:
    if donor not in (method.key, *method.takes_weights_of):
        raise SrlabError(
            f"{path}: a checkpoint of {donor}, not of {method.key}. Evaluate it by ckpt={path}, without model=."
        )


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
    checkpoint = parse_checkpoint(content, path) if is_checkpoint(content) else None
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
    """Copies the weights that fit by name and shape from a file into a method, as a start for training.

    They may be of its own network at another scale (x2 -> x4), or of another network that has some of its modules: HAN
    starts from RCAN. Of another network only parameters are taken, not buffers such as the mean, which belong to it.

    Args:
        method: its network is changed in place, and its averaged network where it has one.
        path: a checkpoint of srlab, or weights in any layout that is known for any network.

    Returns:
        The keys that were taken, and those that keep their initial values.

    Raises:
        SrlabError: the file holds no weights, or none that fits.
    """
    given = _given_weights(read_file(path), path)
    own = method.network.state_dict()
    candidates = [_fitting(own, _in_own_keys(method, given))]
    found = recognise(given)
    if found is not None and found.network != network_name(method.Network):
        parameters = dict(method.network.named_parameters())
        candidates = [_fitting(parameters, state) for state in (*candidates, found.state)]
    taken = max(candidates, key=len)
    if not taken:
        if found is None and (foreign := foreign_network(given)) is not None:
            raise SrlabError(f"init_from={path}: holds the weights of {foreign}, which srlab does not have.")
        raise SrlabError(
            f"init_from={path}: none of its weights fits {method.label}. Choose weights of its kind.{described(given)}"
        )
    method.network.load_state_dict({**own, **taken})
    if method.averaged is not None:
        method.averaged.load_state_dict(method.network.state_dict())
    return list(taken), [key for key in own if key not in taken]


def _fitting(own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns the given weights that have a name and a shape of the own, in the order of the own."""
    return {key: given[key] for key in own if key in given and shape_of(given[key]) == shape_of(own[key])}


def _in_own_keys(method: SuperResolver, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return in_own_keys(method.network, network_name(method.Network), given)
