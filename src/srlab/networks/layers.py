"""The blocks that several papers share."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional as F

from srlab.errors import SrlabError, nearest
from srlab.imaging.color import luma

Norm = Literal["none", "batch"]
UpsamplerKind = Literal["subpixel", "transposed", "interpolation"]
ConvolutionKind = Literal["plain", "dilated", "grouped", "depthwise_separable"]
GROUPS = 4  # of a grouped convolution, as in CARN-M
DILATION = 2
UPSAMPLER_STEPS = {2: [2], 3: [3], 4: [2, 2], 8: [2, 2, 2]}

DIV2K_MEAN = (0.4488, 0.4371, 0.4040)  # RGB mean of the DIV2K training set


def conv(inputs: int, outputs: int, kernel: int = 3) -> nn.Conv2d:
    """A convolution that keeps the size, with PyTorch's default initialisation."""
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)


def he_conv(inputs: int, outputs: int, kernel: int = 3) -> nn.Conv2d:
    """A convolution that keeps the size, initialised for ReLU, with biases of 0 (He et al. 2015, arXiv:1502.01852)."""
    layer = conv(inputs, outputs, kernel)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer


def use_channels_last(module: nn.Module) -> None:
    """Lays the weights of 2D convolutions out as NHWC, which is faster on recent CPUs and GPUs. Changed in place.

    Module.to would ask the same of 3D convolutions (HAN has one), and fail: they have another layout of that kind.
    """
    for value in module.parameters():
        if value.ndim == 4:
            value.data = value.data.contiguous(memory_format=torch.channels_last)


def precise(x: Tensor) -> Tensor:
    """At least float32: half precision has too few digits for covariances, and for the exponents of a softmax."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def without_autocast(device: torch.device) -> AbstractContextManager[object]:
    """A context in which operations keep the precision of their inputs, also under autocast."""
    available = torch.amp.is_autocast_available(device.type)  # not on the meta device
    return torch.autocast(device.type, enabled=False) if available else nullcontext()


def normalization(norm: Norm, features: int) -> list[nn.Module]:
    """Returns the modules of a normalisation: none, or one BatchNorm.

    Raises:
        SrlabError: for an unknown name.
    """
    if norm not in ("none", "batch"):
        raise SrlabError(f"norm={norm}: expected none or batch.")
    return [BatchNorm(features)] if norm == "batch" else []


class _SumOverProcesses(torch.autograd.Function):
    """all_reduce, through which gradients pass: every process's input is in every process's output."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        total = x.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        total = gradient.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total


class BatchNorm(nn.BatchNorm2d):
    """BatchNorm whose training statistics are those of the whole batch, over all processes (Ioffe and Szegedy 2015).

    With each process's own statistics, the number of GPUs would change what a network learns: 16 samples a step are 16
    on one GPU and 4 on each of four. torch's SyncBatchNorm does the same, but not on CPUs.
    """

    def forward(self, x: Tensor) -> Tensor:
        together = self.training and dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1
        return self._over_all(x) if together else super().forward(x)

    def _over_all(self, x: Tensor) -> Tensor:
        assert self.running_mean is not None and self.running_var is not None and self.momentum is not None
        count = dist.get_world_size() * x.numel() // x.shape[1]  # every process has as many samples
        values = x.float()
        mean = _SumOverProcesses.apply(values.sum(dim=(0, 2, 3), keepdim=True)) / count
        centred = values - mean
        variance = _SumOverProcesses.apply(centred.square().sum(dim=(0, 2, 3), keepdim=True)) / count
        with torch.no_grad():
            self.running_mean.lerp_(mean.flatten(), self.momentum)
            self.running_var.lerp_(variance.flatten() * count / (count - 1), self.momentum)
            if self.num_batches_tracked is not None:
                self.num_batches_tracked += 1
        scale = self.weight.reshape(1, -1, 1, 1) * torch.rsqrt(variance + self.eps)
        return (centred * scale + self.bias.reshape(1, -1, 1, 1)).to(x.dtype)


class MeanShift(nn.Module):
    """Centres images on the training set's mean and stretches [0, 1] to the range that a network was designed for.

    EDSR and its descendants work on 0..255. With the stretch inside the network, their published initialisation,
    learning rates and weights stay valid while everything outside is in [0, 1]. Both constants are buffers, saved with
    the weights: a network that another project trained with other constants keeps those.

    Args:
        mean: RGB mean of the training images, in [0, 1].
        channels: 3, or 1: then the mean is that of luma.
        value_range: what 1 becomes inside the network.
    """

    mean: Tensor  # (channels,), in the network's range
    value_range: Tensor  # scalar: what 1 becomes

    def __init__(self, mean: tuple[float, ...] = DIV2K_MEAN, channels: int = 3, value_range: float = 255.0) -> None:
        super().__init__()
        # On the CPU first: arithmetic on the meta device makes PyTorch import its compiler, for seconds.
        rgb = torch.tensor(mean, device="cpu").reshape(1, 3, 1, 1)
        own = (rgb if channels == 3 else luma(rgb)).flatten() * value_range
        self.register_buffer("mean", own.to(torch.get_default_device()))
        self.register_buffer("value_range", torch.tensor(value_range))

    def subtract(self, image: Tensor) -> Tensor:
        """[0, 1] -> the network's range, centred on 0."""
        return image * self.value_range - self.mean.reshape(1, -1, 1, 1)

    def add(self, image: Tensor) -> Tensor:
        """The network's range, centred on 0 -> [0, 1]."""
        return (image + self.mean.reshape(1, -1, 1, 1)) / self.value_range


def convolution_of(kind: ConvolutionKind, features: int, kernel: int = 3) -> nn.Module:
    """A convolution that keeps size and features, of one of the kinds that efficient networks use.

    Args:
        kind: plain; dilated: its taps are two pixels apart (Yu and Koltun 2016, arXiv:1511.07122); grouped: four
            groups of features by themselves, then a 1x1 convolution that mixes them (CARN-M, arXiv:1803.08664,
            section 3.2); depthwise_separable: every feature by itself, then a 1x1 convolution (MobileNet,
            arXiv:1704.04861).
        features: of the input and the output.
        kernel: its side, odd.

    Raises:
        SrlabError: an unknown kind, or features that do not divide into groups.
    """
    if kind not in _GROUPS_OF:
        raise SrlabError(f"convolution={kind}: expected {', '.join(_GROUPS_OF)}.{nearest(str(kind), _GROUPS_OF)}")
    if kind == "plain":
        return conv(features, features, kernel)
    if kind == "dilated":
        return nn.Conv2d(features, features, kernel, padding=DILATION * (kernel // 2), dilation=DILATION)
    groups = _GROUPS_OF[kind](features)
    if features % groups:
        raise SrlabError(f"features={features}: a {kind} convolution needs a multiple of {groups}.")
    spatial = nn.Conv2d(features, features, kernel, padding=kernel // 2, groups=groups)
    return nn.Sequential(spatial, nn.Conv2d(features, features, 1))


_GROUPS_OF: dict[str, Callable[[int], int]] = {
    "plain": lambda features: 1,
    "dilated": lambda features: 1,
    "grouped": lambda features: GROUPS,
    "depthwise_separable": lambda features: features,
}


def infer_convolution(state: Mapping[str, Tensor], path: str) -> ConvolutionKind:
    """Finds the kind of a convolution of `convolution_of` from its weights; plain and dilated ones look the same.

    Args:
        state: the state dict of a network.
        path: of the convolution, such as "body.0.body.0".
    """
    spatial = state.get(f"{path}.0.weight")
    if spatial is None:
        return "plain"
    return "depthwise_separable" if spatial.shape[1] == 1 else "grouped"


class ResidualBlock(nn.Module):
    """x + residual_scale * conv(activation(conv(x))), with normalisation after each convolution where asked for."""

    def __init__(
        self,
        features: int,
        norm: Norm = "none",
        residual_scale: float = 1.0,
        activation: Callable[[], nn.Module] = lambda: nn.ReLU(inplace=True),
        kernel: int = 3,
        convolution: ConvolutionKind = "plain",
    ) -> None:
        super().__init__()
        self.residual_scale = residual_scale
        self.body = nn.Sequential(
            convolution_of(convolution, features, kernel),
            *normalization(norm, features),
            activation(),
            convolution_of(convolution, features, kernel),
            *normalization(norm, features),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.add(x, self.body(x), alpha=self.residual_scale)


def convolution_biases(network: nn.Module) -> tuple[str, ...]:
    """Returns the names of the biases of all convolutions, transposed ones too, where they learn slower."""
    kinds = (nn.Conv2d, nn.ConvTranspose2d)
    return tuple(
        f"{name}.bias" for name, layer in network.named_modules() if isinstance(layer, kinds) and layer.bias is not None
    )


def pre_activated(inputs: int, outputs: int, kernel: int = 3) -> nn.Sequential:
    """BatchNorm, ReLU and a convolution, in this order (He et al. 2016, arXiv:1603.05027)."""
    return nn.Sequential(BatchNorm(inputs), nn.ReLU(inplace=True), he_conv(inputs, outputs, kernel))


class SharedResidual(nn.Module):
    """Two pre-activated convolutions that are applied several times, with a BatchNorm of its own every time.

    The residual of DRRN's and MemNet's recursions: weights are shared, statistics are not, because what the
    convolutions see differs from one application to the next.

    Args:
        features: of the input and the output.
        times: how often it is applied.
    """

    def __init__(self, features: int, times: int) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(he_conv(features, features) for _ in range(2))
        self.norms = nn.ModuleList(nn.ModuleList(BatchNorm(features) for _ in range(2)) for _ in range(times))

    def forward(self, x: Tensor, index: int) -> Tensor:
        """The residual of the application `index`, which counts from 0; (N, features, h, w), without x."""
        norms = self.norms[index]
        assert isinstance(norms, nn.ModuleList)
        for norm, convolution in zip(norms, self.convolutions, strict=True):
            x = convolution(F.relu(norm(x), inplace=True))
        return x

    @property
    def times(self) -> int:
        return len(self.norms)


class Upsampler(nn.Sequential):
    """(N, features, h, w) -> (N, features, scale*h, scale*w) in one step of 2 or 3, two of 2 for x4, three for x8.

    Args:
        features: of the input and the output.
        scale: 2, 3, 4 or 8.
        kind: how a step enlarges.
            subpixel: a convolution and pixel shuffle (Shi et al. 2016, arXiv:1609.05158).
            transposed: a transposed convolution, of 4 x 4 at a step of 2 and 5 x 5 at 3.
            interpolation: nearest neighbour and a convolution (Odena et al. 2016, doi:10.23915/distill.00003).
        activation: makes the module that follows every step; None for none.

    Raises:
        SrlabError: for another scale or kind.
    """

    def __init__(
        self,
        features: int,
        scale: int,
        kind: UpsamplerKind = "subpixel",
        activation: Callable[[], nn.Module] | None = None,
    ) -> None:
        if not isinstance(scale, int) or scale not in UPSAMPLER_STEPS:
            raise SrlabError(f"scale={scale}: this upsampler has 2, 3, 4 and 8, one at a time.")
        if kind not in _ENLARGING:
            raise SrlabError(f"upsampler={kind}: expected {', '.join(_ENLARGING)}.{nearest(str(kind), _ENLARGING)}")
        layers: list[nn.Module] = []
        for step in UPSAMPLER_STEPS[scale]:
            layers += _ENLARGING[kind](features, step)
            layers += [activation()] if activation else []
        super().__init__(*layers)


def _subpixel(features: int, step: int) -> list[nn.Module]:
    return [conv(features, features * step * step), nn.PixelShuffle(step)]


def _transposed(features: int, step: int) -> list[nn.Module]:
    kernel = 2 * step - step % 2
    return [nn.ConvTranspose2d(features, features, kernel, stride=step, padding=(kernel - step) // 2)]


def _interpolation(features: int, step: int) -> list[nn.Module]:
    return [nn.Upsample(scale_factor=step, mode="nearest"), conv(features, features)]


_ENLARGING: dict[str, Callable[[int, int], list[nn.Module]]] = {
    "subpixel": _subpixel,
    "transposed": _transposed,
    "interpolation": _interpolation,
}


def infer_upsampler(state: Mapping[str, Tensor], prefix: str, features: int) -> tuple[int, UpsamplerKind]:
    """Finds the scale and the kind of an `Upsampler`.

    Args:
        state: the state dict of a network.
        prefix: with which the upsampler's keys start, such as "tail.0.".
        features: of the upsampler.

    Raises:
        LookupError: the shapes do not show it, as for nearest neighbour, or are of something else.
    """
    shapes = [tuple(value.shape) for key, value in state.items() if key.startswith(prefix) and value.ndim == 4]
    steps: dict[tuple[int, ...], tuple[int, UpsamplerKind]] = {
        (4 * features, features, 3, 3): (2, "subpixel"),
        (9 * features, features, 3, 3): (3, "subpixel"),
        (features, features, 4, 4): (2, "transposed"),
        (features, features, 5, 5): (3, "transposed"),
    }
    if len(set(shapes)) != 1:
        raise LookupError(prefix)
    step, kind = steps[shapes[0]]  # nearest neighbour leaves no trace of its step: KeyError
    return step ** len(shapes), kind
