"""From a name or a file to a network that is ready for use; without Lightning."""

from srlab.errors import SrlabError, nearest
from srlab.inference.upscaler import Settings, Upscaler
from srlab.networks import NETWORKS, NETWORKS_OF_METHODS
from srlab.networks.network import SRNetwork
from srlab.weights import zoo
from srlab.weights.checkpoint import Checkpoint, evaluated_weights, read_checkpoint

INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos")


def load(source: str, scale: int | None = None, settings: Settings | None = None) -> Upscaler:
    """Returns a network that is ready for use.

    Args:
        source: the name of a network that comes with srlab, such as edsr_baseline_x2 or edsr_baseline; the path of a
            checkpoint or of a run's folder; or an interpolation: nearest, bilinear, bicubic, lanczos.
        scale: that the network must have. None where the source has one.
        settings: how it is run.

    Raises:
        SrlabError: there is no such network, or it lacks this scale.
    """
    if source in INTERPOLATIONS:
        return Upscaler(NETWORKS["interpolation"](kernel=source), source, settings)
    scales = () if scale is None else (scale,)
    if source in {zoo.card(name).model for name in zoo.names()}:
        source = zoo.name_for(source, scales)
    path = zoo.path(source) if source in zoo.names() else zoo.located(source)
    network = network_of(read_checkpoint(path))
    has = network.traits.scales
    if scale is not None and has is not None and scale not in has:
        raise SrlabError(f"{source}: has {', '.join(f'x{s}' for s in has)}, not x{scale}.")
    return Upscaler(network, path.stem, settings)


def network_of(checkpoint: Checkpoint) -> SRNetwork:
    """Returns the network of a checkpoint with its weights, the averaged ones where there are some, in eval mode.

    Raises:
        SrlabError: the checkpoint is of a method that srlab does not have.
    """
    name = NETWORKS_OF_METHODS.get(checkpoint.method, checkpoint.method)
    if name not in NETWORKS:
        raise SrlabError(f"'{name}' is not a method ({', '.join(NETWORKS)}).{nearest(name, NETWORKS)}")
    network = NETWORKS[name](**checkpoint.network)
    network.load_state_dict(evaluated_weights(checkpoint.state))
    return network.eval()
