"""The layouts that srlab reads and writes: one for each project and method."""

from torch import Tensor

from srlab.networks.layers import DIV2K_MEAN
from srlab.networks.network import State, count
from srlab.weights.key_mapping import (
    Layout,
    Modules,
    Sizes,
    counted,
    fixed_mean,
    mean_from_convolutions,
    mean_to_convolutions,
    same,
    without_biases,
    zero_biases,
)

_UPSAMPLER = (0, 2, 4)  # places of an upsampler's convolutions: up to three, with a pixel shuffle after each
_BLOCKS = r"body\.(\d+)\.body\."


def _edsr_pytorch(sizes: Sizes) -> Modules:
    yield "head", "head.0"
    yield from same(*(f"body.{i}.body.{j}" for i in range(sizes.blocks) for j in (0, 2)))
    yield from same(f"body.{sizes.blocks}", *(f"tail.0.{j}" for j in _UPSAMPLER), "tail.1")
    yield from same("sub_mean", "add_mean")


def _edsr_basicsr(sizes: Sizes) -> Modules:
    yield "head", "conv_first"
    for i in range(sizes.blocks):
        yield f"body.{i}.body.0", f"body.{i}.conv1"
        yield f"body.{i}.body.2", f"body.{i}.conv2"
    yield f"body.{sizes.blocks}", "conv_after_body"
    yield from ((f"tail.0.{j}", f"upsample.{j}") for j in _UPSAMPLER)
    yield "tail.1", "conv_last"


def _mdsr_pytorch(sizes: Sizes) -> Modules:
    """Their modules of a scale have its place in the sorted list of scales."""
    yield from (("head", "head.0"), ("tail", "tail.0"))
    for i, scale in enumerate(sizes.scales):
        for j, k in ((0, 0), (0, 2), (1, 0), (1, 2)):
            yield f"pre_process.x{scale}.{j}.body.{k}", f"pre_process.{i}.{j}.body.{k}"
        yield from ((f"upsample.x{scale}.{j}", f"upsample.{i}.{j}") for j in _UPSAMPLER)
    yield from same(*(f"body.{i}.body.{j}" for i in range(sizes.blocks) for j in (0, 2)), f"body.{sizes.blocks}")
    yield from same("sub_mean", "add_mean")


def _mdsr_pytorch_sizes(state: State) -> Sizes:
    scales = [_scale_of(state, f"upsample.{i}") for i in range(count(state, r"upsample\.(\d+)\."))]
    return Sizes(count(state, _BLOCKS), tuple(scales))


def _scale_of(state: State, upsampler: str) -> int:
    """A convolution to nine times its features is x3; to four times, a step of 2, of which x4 has two and x8 three."""
    keys = [key for j in _UPSAMPLER if (key := f"{upsampler}.{j}.weight") in state]
    weights: list[Tensor] = [state[key] for key in keys]
    return (
        3 if any(weight.ndim == 4 and len(weight) == 9 * weight.shape[1] for weight in weights) else 2 ** len(weights)
    )


def _mdsr_own_sizes(state: State) -> Sizes:
    scales = {int(key.split(".")[1][1:]) for key in state if key.startswith("upsample.")}
    return Sizes(count(state, _BLOCKS), tuple(sorted(scales)))


def _wdsr_2018(sizes: Sizes) -> Modules:
    yield from ((path, f"{path}.0") for path in ("head", "tail", "skip"))
    yield from same(*(f"body.{i}.body.{j}" for i in range(sizes.blocks) for j in (0, 2, 3)))


def _wdsr_ychfan(sizes: Sizes) -> Modules:
    """Their body is one Sequential from the head to the tail."""
    yield "head", "body.0"
    yield from ((f"body.{i}.body.{j}", f"body.{i + 1}.body.{j}") for i in range(sizes.blocks) for j in (0, 2, 3))
    yield "tail", f"body.{sizes.blocks + 1}"
    yield "skip", "skip.0"


def _vdsr_twtygqyy(sizes: Sizes) -> Modules:
    yield from (("layers.0", "input"), (f"layers.{sizes.blocks - 1}", "output"))
    yield from ((f"layers.{i}", f"residual_layer.{i - 1}.conv") for i in range(1, sizes.blocks - 1))


def _fsrcnn_authors(sizes: Sizes) -> Modules:
    for i in range(sizes.blocks):
        yield f"features.{2 * i}", f"conv{i + 1}"
        yield f"features.{2 * i + 1}", f"prelu{i + 1}"
    yield "deconvolution", "deconv"


def _fsrcnn_own_sizes(state: State) -> Sizes:
    """Every second module of ours is a PReLU."""
    return Sizes(count(state, r"features\.(\d+)\.") // 2)


_WEIGHT_NORM = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}
_BASICSR_MEAN = fixed_mean(DIV2K_MEAN, 255.0)
_WDSR_2018_MEAN = fixed_mean(DIV2K_MEAN, 2.0)
_WDSR_YCHFAN_MEAN = fixed_mean((0.5, 0.5, 0.5), 1.0)

LAYOUTS = (
    Layout(
        "edsr_pytorch",
        "EDSR-PyTorch",
        "edsr",
        _edsr_pytorch,
        counted(_BLOCKS),
        counted(_BLOCKS),
        complete=mean_from_convolutions,
        strip=mean_to_convolutions,
    ),
    Layout(
        "edsr_pytorch",
        "EDSR-PyTorch",
        "mdsr",
        _mdsr_pytorch,
        _mdsr_pytorch_sizes,
        _mdsr_own_sizes,
        complete=mean_from_convolutions,
        strip=mean_to_convolutions,
    ),
    Layout(
        "basicsr",
        "BasicSR",
        "edsr",
        _edsr_basicsr,
        counted(r"body\.(\d+)\.conv1\."),
        counted(_BLOCKS),
        container="params",
        complete=_BASICSR_MEAN[0],
        strip=_BASICSR_MEAN[1],
    ),
    Layout(
        "wdsr_2018",
        "JiahuiYu/wdsr_ntire2018",
        "wdsr",
        _wdsr_2018,
        counted(_BLOCKS),
        counted(_BLOCKS),
        parameters=_WEIGHT_NORM,
        complete=_WDSR_2018_MEAN[0],
        strip=_WDSR_2018_MEAN[1],
    ),
    Layout(
        "wdsr_ychfan",
        "ychfan/wdsr",
        "wdsr",
        _wdsr_ychfan,
        counted(_BLOCKS),
        counted(_BLOCKS),
        parameters=_WEIGHT_NORM,
        container="model_state_dict",
        complete=_WDSR_YCHFAN_MEAN[0],
        strip=_WDSR_YCHFAN_MEAN[1],
    ),
    Layout(
        "vdsr_twtygqyy",
        "twtygqyy/pytorch-vdsr",
        "vdsr",
        _vdsr_twtygqyy,
        counted(r"residual_layer\.(\d+)\.", more=2),
        counted(r"layers\.(\d+)\."),
        complete=zero_biases,
        strip=without_biases,
    ),
    # The names that the layers of the authors' MATLAB and Caffe programs have.
    Layout(
        "authors",
        "the authors of FSRCNN",
        "fsrcnn",
        _fsrcnn_authors,
        counted(r"conv(\d+)\."),
        _fsrcnn_own_sizes,
    ),
)
