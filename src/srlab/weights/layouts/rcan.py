"""RCAN as its authors, EDSR-PyTorch and BasicSR name it."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from srlab.errors import SrlabError
from srlab.networks.network import State, count
from srlab.networks.rcan import TrainedMeanShift
from srlab.weights.key_mapping import UPSAMPLER, Layout, Modules, Sizes, same


@dataclass(frozen=True)
class GroupSizes(Sizes):
    """Also the number of residual groups; `blocks`: of a group."""

    groups: int = 0


def _counted(groups: str, blocks: str) -> Callable[[State], Sizes]:
    return lambda state: GroupSizes(count(state, blocks), groups=count(state, groups))


def _edsr_pytorch(sizes: Sizes) -> Modules:
    assert isinstance(sizes, GroupSizes)
    yield "head", "head.0"
    for i in range(sizes.groups):
        for j in range(sizes.blocks):
            block = f"body.{i}.body.{j}"
            yield from same(f"{block}.body.0", f"{block}.body.2")
            yield f"{block}.attention.squeeze", f"{block}.body.3.conv_du.0"
            yield f"{block}.attention.excite", f"{block}.body.3.conv_du.2"
        yield from same(f"body.{i}.body.{sizes.blocks}")
    yield from same(f"body.{sizes.groups}", *(f"tail.0.{i}" for i in UPSAMPLER), "tail.1")
    yield from (("mean_shift.subtraction", "sub_mean"), ("mean_shift.addition", "add_mean"))


def _basicsr(sizes: Sizes) -> Modules:
    assert isinstance(sizes, GroupSizes)
    yield "head", "conv_first"
    for i in range(sizes.groups):
        for j in range(sizes.blocks):
            block, theirs = f"body.{i}.body.{j}", f"body.{i}.residual_group.{j}.rcab"
            yield from ((f"{block}.body.{k}", f"{theirs}.{k}") for k in (0, 2))
            yield f"{block}.attention.squeeze", f"{theirs}.3.attention.1"
            yield f"{block}.attention.excite", f"{theirs}.3.attention.3"
        yield f"body.{i}.body.{sizes.blocks}", f"body.{i}.conv"
    yield f"body.{sizes.groups}", "conv_after_body"
    yield from ((f"tail.0.{i}", f"upsample.{i}") for i in UPSAMPLER)
    yield "tail.1", "conv_last"


def _constants() -> dict[str, Tensor]:
    """What the mean shift is before any training: BasicSR has that in its code."""
    return {f"mean_shift.{key}": value.detach() for key, value in TrainedMeanShift().state_dict().items()}


def _complete(state: dict[str, Tensor]) -> None:
    for key, value in _constants().items():
        state.setdefault(key, value)


def _strip(state: dict[str, Tensor]) -> None:
    for key, value in _constants().items():
        own = state.pop(key)
        if not torch.equal(own, value.to(own.dtype)):
            raise SrlabError(f"{key} was trained, and that project's code has it fixed.")


_OWN_SIZES = _counted(r"body\.(\d+)\.body\.", r"body\.0\.body\.(\d+)\.attention\.")

LAYOUTS = (
    Layout(
        "edsr_pytorch",
        "yulunzhang/RCAN and EDSR-PyTorch",
        "rcan",
        _edsr_pytorch,
        _counted(r"body\.(\d+)\.body\.", r"body\.0\.body\.(\d+)\.body\.3\.conv_du\."),
        _OWN_SIZES,
    ),
    Layout(
        "basicsr",
        "BasicSR",
        "rcan",
        _basicsr,
        _counted(r"body\.(\d+)\.residual_group\.", r"body\.0\.residual_group\.(\d+)\."),
        _OWN_SIZES,
        container="params",
        complete=_complete,
        strip=_strip,
    ),
)
