"""EDSR as EDSR-PyTorch and BasicSR name it."""

from srlab.networks.layers import DIV2K_MEAN
from srlab.weights.key_mapping import (
    UPSAMPLER,
    Layout,
    Modules,
    Sizes,
    counted,
    fixed_mean,
    mean_from_convolutions,
    mean_to_convolutions,
    same,
)

_BLOCKS = r"body\.(\d+)\.body\."


def _edsr_pytorch(sizes: Sizes) -> Modules:
    yield "head", "head.0"
    yield from same(*(f"body.{i}.body.{j}" for i in range(sizes.blocks) for j in (0, 2)))
    yield from same(f"body.{sizes.blocks}", *(f"tail.0.{j}" for j in UPSAMPLER), "tail.1")
    yield from same("sub_mean", "add_mean")


def _basicsr(sizes: Sizes) -> Modules:
    yield "head", "conv_first"
    for i in range(sizes.blocks):
        yield f"body.{i}.body.0", f"body.{i}.conv1"
        yield f"body.{i}.body.2", f"body.{i}.conv2"
    yield f"body.{sizes.blocks}", "conv_after_body"
    yield from ((f"tail.0.{j}", f"upsample.{j}") for j in UPSAMPLER)
    yield "tail.1", "conv_last"


_BASICSR_MEAN = fixed_mean(DIV2K_MEAN, 255.0)

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
        "basicsr",
        "BasicSR",
        "edsr",
        _basicsr,
        counted(r"body\.(\d+)\.conv1\."),
        counted(_BLOCKS),
        container="params",
        complete=_BASICSR_MEAN[0],
        strip=_BASICSR_MEAN[1],
    ),
)
