"""Parameters, multiply-adds and activations of a network, as papers and challenges compare them."""

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from srlab.methods.super_resolver import SuperResolver

LR_SIDE = 256  # of the LR image for which the efficiency challenges of NTIRE count activations
OUTPUT = (720, 1280)  # height, width of the HR image in CARN's table and after (Ahn et al. 2018, section 4.3)


def trainable_parameters(method: SuperResolver) -> int:
    """Returns the number of trainable parameters; constants, such as the mean of a data set, do not count."""
    return sum(p.numel() for p in method.network.parameters() if p.requires_grad)


def multiply_adds(method: SuperResolver, scale: int) -> int:
    """Returns the multiply-adds of all convolutions for one 1280 x 720 output image, as CARN's tables do.

    Interpolation, activations and the products of attention do not count. The LR image has the nearest size that
    the network takes, such as 427 x 240 at x3. Nothing is computed: the network is built on the meta device.
    """
    multiple = method.traits.size_multiple
    height, width = (round(side / scale / multiple) * multiple for side in OUTPUT)
    with FlopCounterMode(display=False) as counter:
        _run_on_meta(method, scale, height, width)
    operations = counter.get_flop_counts().get("Global", {})
    return operations.get(torch.ops.aten.convolution, 0) // 2


def activations(method: SuperResolver, scale: int) -> int:
    """Returns how many values all convolutions give for one LR image of 256 x 256, as NTIRE's challenges count them.

    Activations are the elements of the outputs of convolutions, transposed ones among them (Radosavovic et al. 2020,
    arXiv:2003.13678, section 3.1). The challenges on efficient super-resolution count them at this size: AIM 2020,
    arXiv:2009.06943, and NTIRE 2022, arXiv:2205.05675. Sides that a network cannot take are enlarged to its multiple.
    Nothing is computed, as in `multiply_adds`.
    """
    side = LR_SIDE + -LR_SIDE % method.traits.size_multiple
    with _ConvolutionOutputs() as counter:
        _run_on_meta(method, scale, side, side)
    return counter.values


class _ConvolutionOutputs(TorchDispatchMode):
    """Counts the elements of what convolutions return."""

    def __init__(self) -> None:
        super().__init__()
        self.values = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func is torch.ops.aten.convolution.default:
            self.values += result.numel()
        return result


def _run_on_meta(method: SuperResolver, scale: int, height: int, width: int) -> None:
    """Runs a network of the same kind on an LR image of this size, on the meta device, where nothing is computed."""
    network = method.on_meta()
    with torch.device("meta"):
        lr = torch.empty(1, method.traits.channels or 3, height, width)
        length = method.traits.condition_length
        condition = None if length is None else torch.empty(1, length)
    with torch.no_grad():
        network(lr, scale, condition)
