"""The memory layout of convolutions' weights, those of frozen backbones too."""

from torch import nn

from srlab.networks import layers
from srlab.weights.backbones import Frozen


def use_channels_last(module: nn.Module) -> None:
    """Lays the weights of 2D convolutions out as NHWC, as `srlab.networks.layers` does. Changed in place."""
    layers.use_channels_last(module)
    for part in module.modules():
        if isinstance(part, Frozen):
            use_channels_last(part.network)
