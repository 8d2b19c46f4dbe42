"""From a name, a file or a repository to a network that is ready for use; without Lightning."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from srlab.errors import SrlabError, nearest
from srlab.inference.upscaler import Settings, Upscaler
from srlab.networks import NETWORKS
from srlab.networks.network import SRNetwork, State
from srlab.run_files import CHECKPOINTS, checkpoint_in
from srlab.weights import hub, zoo
from srlab.weights.bare import arguments_of_bare
from srlab.weights.checkpoint import Checkpoint, evaluated_weights, is_checkpoint, parse_checkpoint
from srlab.weights.checkpoint_schema import network_of_method
from srlab.weights.files import network_state, read_file
from srlab.weights.fitting import fit
from srlab.weights.recognition import Recognised, incomplete, recognise
from srlab.weights.spandrel_network import SpandrelNetwork

INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos")


def load(source: str, scale: float | None = None, settings: Settings | None = None) -> Upscaler:
    """Returns a network that is ready for use.

    Args:
        source: what to load, the first of these that there is: an interpolation (nearest, bilinear, bicubic, lanczos);
            a network that comes with srlab, such as edsr_baseline_x2, edsr_baseline or pretrained:vdsr; a path, of a
            checkpoint, of a run's folder (its best checkpoint), or of weights that srlab or spandrel recognises
            (.safetensors, .pth, .pt); a repository of the Hugging Face hub, USER/NAME.
        scale: that the network must reach, if only by shrinking a larger result. It chooses among several networks of
            one model.
        settings: how it is run.

    Raises:
        SrlabError: there is no such network, or it does not reach this scale.
    """
    if source in INTERPOLATIONS:
        return Upscaler(NETWORKS["interpolation"](kernel=source), source, settings)
    path, label = located(source, scale)
    network = network_at(path, scale)
    if not _reaches(network.traits.scales, scale):
        has = ", ".join(f"x{s}" for s in network.traits.scales or ())
        raise SrlabError(f"{source}: has {has}, which is less than x{scale:g}.")
    return Upscaler(network, label, settings)


def located(source: str, scale: float | None) -> tuple[Path, str]:
    """Returns the file of a network, and what the network is called; arguments and errors are those of `load`."""
    if source.startswith(zoo.PREFIX) or source in zoo.names():
        name = source.removeprefix(zoo.PREFIX)
        return zoo.path(name), name
    path = Path(source).expanduser()
    if not path.exists():
        if source in {zoo.card(name).model for name in zoo.names()}:
            name = _of_model(source, scale)
            return zoo.path(name), name
        if hub.is_repository(source):
            return hub.downloaded(source), source
        raise SrlabError(
            f"{source}: no such file or folder, and no network of this name comes with srlab."
            f"{nearest(source, zoo.names())} There are {', '.join(zoo.names())}, or a repository of the hub: USER/NAME."
        )
    file = checkpoint_in(path)
    in_a_run = file.parent.name == CHECKPOINTS
    return file, file.resolve().parents[1].name if in_a_run else file.stem


def _of_model(model: str, scale: float | None) -> str:
    """Returns the network of a model whose scale is the smallest that reaches `scale`."""
    own = {s: name for name in zoo.names() if (card := zoo.card(name)).model == model for s in card.scales}
    has = ", ".join(f"x{s}" for s in sorted(own))
    if scale is None:
        if len(set(own.values())) > 1:
            raise SrlabError(f"{model}: comes with srlab for {has}, a network each. Say scale= too.")
        return next(iter(own.values()))
    large_enough = [s for s in own if s >= scale]
    if not large_enough:
        raise SrlabError(f"{model}: comes with srlab for {has}, which is less than x{scale:g}.")
    return own[min(large_enough)]


def _reaches(scales: Sequence[int] | None, scale: float | None) -> bool:
    return scale is None or scales is None or max(scales) >= scale


def network_at(path: Path, scale: float | None = None) -> SRNetwork:
    """Returns the network of a file, in eval mode.

    Args:
        path: of a checkpoint of srlab, or of bare weights, by srlab's keys, by those of a project that srlab knows, or
            of an architecture that spandrel knows.
        scale: for the few networks whose weights fit every scale, such as FSRCNN's.

    Raises:
        SrlabError: the file is damaged, or holds something else.
    """
    content = read_file(path)
    if is_checkpoint(content):
        return network_of(parse_checkpoint(content, path), path)
    state = network_state(content, path)
    found = recognised(state, path)
    if found is None:
        return SpandrelNetwork(str(path))
    network = NETWORKS[found.network](**published_arguments(found, path, scale))
    fit(network, found.state, path, state)
    return network.eval()


def recognised(state: State, path: Path) -> Recognised | None:
    """Returns which network bare weights are of; None where only spandrel may know it.

    Raises:
        SrlabError: they are whole but for what their project keeps elsewhere.
    """
    found = recognise(state)
    if found is None and (advice := incomplete(state)):
        raise SrlabError(f"{path}: cannot be used as it is. {advice}")
    return found


def published_arguments(found: Recognised, path: Path, scale: float | None = None) -> dict[str, Any]:
    """Returns the arguments of a network that was recognised by bare weights; warns of those that are only assumed.

    Args:
        found: the weights.
        path: of their file, for the warning.
        scale: for the few networks whose weights fit every scale.

    Raises:
        SrlabError: it is needed, and not said.
    """
    arguments, assumed = arguments_of_bare(found, scale)
    if assumed:
        shown = ", ".join(f"{key}={value}" for key, value in assumed.items())
        warnings.warn(
            f"{path}: bare weights do not show {shown}, which is assumed. If it is something else: "
            f"srlab convert {path} OUT.safetensors layout=srlab {next(iter(assumed))}=VALUE",
            stacklevel=3,
        )
    return arguments


def network_of(checkpoint: Checkpoint, path: Path) -> SRNetwork:
    """Returns the network of a checkpoint with its weights, the averaged ones where there are some, in eval mode.

    Args:
        checkpoint: as `parse_checkpoint` gives it.
        path: of its file, for errors.

    Raises:
        SrlabError: the checkpoint is of a method that srlab does not have.
    """
    network = NETWORKS[network_of_method(checkpoint.method, path)](**checkpoint.network)
    network.load_state_dict(evaluated_weights(checkpoint.state))
    return network.eval()
