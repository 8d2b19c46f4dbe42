"""MDSR as EDSR-PyTorch names it."""

from torch import Tensor

from srlab.networks.network import State, count
from srlab.weights.key_mapping import (
    UPSAMPLER,
    Layout,
    Modules,
    Sizes,
    mean_from_convolutions,
    mean_to_convolutions,
    same,
)

_BLOCKS = r"body\.(\d+)\.body\."


def _edsr_pytorch(sizes: Sizes) -> Modules:
    """Their modules of a scale have its place in the sorted list of scales."""
    yield from (("head", "head.0"), ("tail", "tail.0"))
    for i, scale in enumerate(sizes.scales):
        for j, k in ((0, 0), (0, 2), (1, 0), (1, 2)):
            yield f"pre_process.x{scale}.{j}.body.{k}", f"pre_process.{i}.{j}.body.{k}"
        yield from ((f"upsample.x{scale}.{j}", f"upsample.{i}.{j}") for j in UPSAMPLER)
    yield from same(*(f"body.{i}.body.{j}" for i in range(sizes.blocks) for j in (0, 2)), f"body.{sizes.blocks}")
    yield from same("sub_mean", "add_mean")


def _sizes(state: State) -> Sizes:
    scales = [_scale_of(state, f"upsample.{i}") for i in range(count(state, r"upsample\.(\d+)\."))]
    return Sizes(count(state, _BLOCKS), tuple(scales))


def _scale_of(state: State, upsampler: str) -> int:
    """A convolution to nine times its features is x3; to four times, a step of 2, of which x4 has two and x8 three."""
    keys = [key for j in UPSAMPLER if (key := f"{upsampler}.{j}.weight") in state]
    weights: list[Tensor] = [state[key] for key in keys]
    return (
        3 if any(weight.ndim == 4 and len(weight) == 9 * weight.shape[1] for weight in weights) else 2 ** len(weights)
    )


def _own_sizes(state: State) -> Sizes:
    scales = {int(key.split(".")[1][1:]) for key in state if key.startswith("upsample.")}
    return Sizes(count(state, _BLOCKS), tuple(sorted(scales)))


LAYOUTS = (
    Layout(
        "edsr_pytorch",
        "EDSR-PyTorch",
        "mdsr",
        _edsr_pytorch,
        _sizes,
        _own_sizes,
        complete=mean_from_convolutions,
        strip=mean_to_convolutions,
    ),
)
