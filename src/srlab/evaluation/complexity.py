"""Parameters and multiply-adds of a network, as papers compare them."""

import torch
from torch.utils.flop_counter import FlopCounterMode

from srlab.methods.super_resolver import SuperResolver

OUTPUT = (720, 1280)  # height, width of the HR image in CARN's table and after (Ahn et al. 2018, section 4.3)


def trainable_parameters(method: SuperResolver) -> int:
    """Returns the number of trainable parameters; constants, such as the mean of a data set, do not count."""
    return sum(p.numel() for p in method.network.parameters() if p.requires_grad)


def multiply_adds(method: SuperResolver, scale: int) -> int:
    """Returns the multiply-adds of all convolutions for one 1280 x 720 output image, as CARN's tables do.

    Interpolation, activations and the products of attention do not count. The LR image has the nearest size that
    the network takes, such as 427 x 240 at x3. Nothing is computed: the network is built on the meta device.
    """
    network = method.on_meta()
    with torch.device("meta"):
        multiple = method.traits.size_multiple
        height, width = (round(side / scale / multiple) * multiple for side in OUTPUT)
        lr = torch.empty(1, method.traits.channels or 3, height, width)
        length = method.traits.condition_length
        condition = None if length is None else torch.empty(1, length)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(lr, scale, condition)
    operations = counter.get_flop_counts().get("Global", {})
    return operations.get(torch.ops.aten.convolution, 0) // 2
