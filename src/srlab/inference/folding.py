"""Constants folded into convolutions: what training keeps apart, a network that is only applied computes at once.

- Weight normalisation becomes the weight that it gives.
- BatchNorm by its running statistics becomes part of the convolution before it.
- The factor of a residual becomes part of the residual's last convolution.
- The mean shift becomes part of the convolutions that see the image, and of those that make it. Convolutions pad with
  zeros after the shift, so those that see the image now pad with the mean.

Networks say where their mean shift is by `SRNetwork.shifted_convolutions`; all else is found by the types of modules.
"""

import copy
import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrize
from torch.nn.utils.fusion import fuse_conv_bn_eval

from srlab.networks.layers import MeanShift, ResidualBlock
from srlab.networks.network import ShiftedConvolutions, SRNetwork
from srlab.networks.rcan import VALUE_RANGE, TrainedMeanShift
from srlab.networks.wdsr import WideBlock

WORST = 1e3  # condition number of a mapping of colours, beyond which its inverse is not exact enough
SCALED_RESIDUALS = (ResidualBlock, WideBlock)  # x + residual_scale * body(x), and nothing between the two


def folded(network: SRNetwork) -> SRNetwork:
    """Returns a copy of a network that computes the same in fewer steps; where nothing folds, a plain copy.

    Outputs are equal up to rounding. The names of the copy's weights are its own: it is for inference, not for
    checkpoints.

    Args:
        network: any network with traits; it is not changed.
    """
    copied = copy.deepcopy(network).eval().requires_grad_(False)
    with torch.no_grad():
        _remove_parametrizations(copied)
        _fuse_batch_norms(copied)
        for block in copied.modules():
            if isinstance(block, ResidualBlock | WideBlock) and type(block) in SCALED_RESIDUALS:
                _fold_residual_scale(block)
        where = copied.shifted_convolutions()
        if where is not None:
            _fold_mean_shift(copied, where)
    return copied


def _remove_parametrizations(network: nn.Module) -> None:
    for module in list(network.modules()):
        if parametrize.is_parametrized(module):
            for name in list(module.parametrizations):  # type: ignore[arg-type]
                parametrize.remove_parametrizations(module, str(name), leave_parametrized=True)


def _fuse_batch_norms(network: nn.Module) -> None:
    """In every sequence, a convolution and the BatchNorm after it; not those that another sequence shares."""
    uses = [id(module) for _, module in network.named_modules(remove_duplicate=False)]
    for sequence in list(network.modules()):
        if not isinstance(sequence, nn.Sequential):
            continue
        for (name, layer), (next_name, norm) in itertools.pairwise(list(sequence.named_children())):
            transposed = isinstance(layer, nn.ConvTranspose2d)
            if (
                isinstance(norm, nn.BatchNorm2d)
                and norm.track_running_stats
                and isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d))
                and (not transposed or layer.groups == 1)
                and uses.count(id(layer)) == uses.count(id(norm)) == 1
            ):
                setattr(sequence, name, fuse_conv_bn_eval(layer, norm, transpose=transposed))
                setattr(sequence, next_name, nn.Identity())


def _fold_residual_scale(block: ResidualBlock | WideBlock) -> None:
    leaves = [leaf for leaf in block.body.modules() if not any(leaf.children())]
    computing = [leaf for leaf in leaves if not isinstance(leaf, nn.Identity)]
    if not computing or not isinstance(last := computing[-1], nn.Conv2d):
        return
    last.weight.mul_(block.residual_scale)
    if last.bias is not None:
        last.bias.mul_(block.residual_scale)
    block.residual_scale = 1.0


def _fold_mean_shift(network: SRNetwork, where: ShiftedConvolutions) -> None:
    shift = network.get_submodule(where.shift)
    (before, offset), (after, addition) = _mappings(shift)
    inputs = {path: network.get_submodule(path) for path in where.inputs}
    outputs = [network.get_submodule(path) for path in where.outputs]
    layers = [*inputs.values(), *outputs]
    if not all(isinstance(layer, nn.Conv2d) and layer.padding_mode == "zeros" for layer in layers):
        return
    if float(torch.linalg.cond(before)) > WORST:
        return
    for number, layer in enumerate(outputs):
        # A convolution whose skip brings the mean along, or a second one whose result is added, adds none of its own.
        _map_outputs(layer, after, addition if number == 0 and not where.skip else None)
    for path, layer in inputs.items():
        network.set_submodule(path, _of_images(layer, before, offset))
    network.set_submodule(where.shift, _NoShift())


Mapping = tuple[Tensor, Tensor]  # a matrix (channels, channels) and what is added (channels,), in float64


def _mappings(shift: nn.Module) -> tuple[Mapping, Mapping]:
    """What a mean shift does to colours before the network, and after it."""
    if isinstance(shift, MeanShift):
        mean, stretch = shift.mean.double(), float(shift.value_range)
        identity = torch.eye(len(mean), dtype=torch.float64, device=mean.device)
        return (identity * stretch, -mean), (identity / stretch, mean / stretch)
    assert isinstance(shift, TrainedMeanShift)
    before, after, stretch = shift.subtraction, shift.addition, VALUE_RANGE
    return (
        (before.weight[:, :, 0, 0].double() * stretch, before.bias.double()),
        (after.weight[:, :, 0, 0].double() / stretch, after.bias.double() / stretch),
    )


def _map_outputs(layer: nn.Module, matrix: Tensor, addition: Tensor | None) -> None:
    """Puts a mapping of colours after a convolution, whose outputs may be those of a pixel shuffle."""
    assert isinstance(layer, nn.Conv2d)
    colours = len(matrix)
    weight = layer.weight.double()
    mapped = torch.einsum("dc,cskyx->dskyx", matrix, weight.unflatten(0, (colours, -1)))
    layer.weight.copy_(mapped.flatten(0, 1))
    before = torch.zeros(len(weight)) if layer.bias is None else layer.bias
    bias = torch.einsum("dc,cs->ds", matrix, before.to(weight).unflatten(0, (colours, -1)))
    bias = bias if addition is None else bias + addition[:, None]
    layer.bias = nn.Parameter(bias.flatten().to(layer.weight), requires_grad=False)


def _of_images(layer: nn.Module, matrix: Tensor, offset: Tensor) -> nn.Module:
    """A convolution of images that computes what `layer` computes of shifted ones."""
    assert isinstance(layer, nn.Conv2d)
    weight = layer.weight.double()
    layer.weight.copy_(torch.einsum("ockl,cd->odkl", weight, matrix))
    bias = torch.einsum("ockl,c->o", weight, offset)
    total = bias if layer.bias is None else layer.bias.double() + bias
    layer.bias = nn.Parameter(total.to(layer.weight), requires_grad=False)
    zero = torch.linalg.solve(matrix, -offset)  # the colour that the shift makes 0
    return _ConvolutionOfImages(layer, tuple(zero.tolist()))


class _ConvolutionOfImages(nn.Module):
    """A convolution that pads an image with a colour.

    Args:
        layer: a convolution that pads with zeros.
        colour: what it is to pad with, a number for each channel.
    """

    def __init__(self, layer: nn.Conv2d, colour: tuple[float, ...]) -> None:
        super().__init__()
        above, left = (int(side) for side in layer.padding)
        self.layer, self.colour, self.sides = layer, colour, (left, left, above, above)
        layer.padding = (0, 0)
        layer._reversed_padding_repeated_twice = [0, 0, 0, 0]

    def forward(self, image: Tensor) -> Tensor:
        planes = zip(image.split(1, dim=1), self.colour, strict=True)
        convolved: Tensor = self.layer(torch.cat([F.pad(plane, self.sides, value=value) for plane, value in planes], 1))
        return convolved


class _NoShift(nn.Module):
    """What is left of a mean shift: nothing."""

    def subtract(self, image: Tensor) -> Tensor:
        return image

    def add(self, image: Tensor) -> Tensor:
        return image
