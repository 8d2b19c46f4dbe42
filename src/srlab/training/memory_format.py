"""The memory layout of convolutions' weights."""

import torch
from torch import nn

from srlab.weights.backbones import Frozen


def use_channels_last(module: nn.Module) -> None:
    """Lays the weights of 2D convolutions out as NHWC, which is faster on recent CPUs and GPUs. Changed in place.

    Module.to would ask the same of 3D convolutions (HAN has one), and fail: they have another layout of that kind.
    """
    for part in module.modules():
        if isinstance(part, Frozen):
            use_channels_last(part.network)
        for value in part.parameters(recurse=False):
            if value.ndim == 4:
                value.data = value.data.contiguous(memory_format=torch.channels_last)
