"""SAN as its authors name it.

Their files also hold weights of modules that their program makes and never applies: a factor for each group, a
convolution after all groups and an attention in the non-local block. These are dropped when a file is read and are
zeros when one is written, so that their program, which asks for all names, takes it.
"""

import re
from dataclasses import dataclass

from torch import Tensor

from srlab.networks.network import count
from srlab.weights.key_mapping import UPSAMPLER, Layout, Modules, Sizes, same

_NON_LOCAL = "non_local.soca.conv_du"
_UNUSED = re.compile(rf"RG\.\d+\.gamma|conv_last\.(weight|bias)|{re.escape(_NON_LOCAL)}\.[02]\.(weight|bias)")


@dataclass(frozen=True)
class _Sizes(Sizes):
    """Also the number of groups; `blocks`: of a group."""

    groups: int = 0


def _authors(sizes: Sizes) -> Modules:
    assert isinstance(sizes, _Sizes)
    yield "head", "head.0"
    for i in range(sizes.groups):
        group, theirs = f"groups.{i}", f"RG.{i}"
        for j in range(sizes.blocks):
            yield from ((f"{group}.blocks.{j}.body.{k}", f"{theirs}.rcab.{j}.conv_first.{k}") for k in (0, 2))
        yield f"{group}.attention.squeeze", f"{theirs}.soca.conv_du.0"
        yield f"{group}.attention.excite", f"{theirs}.soca.conv_du.2"
        yield f"{group}.conv", f"{theirs}.conv_last"
    inner = {"theta": "theta", "phi": "phi.0", "g": "g.0", "out": "W"}
    yield from ((f"non_local.{own}", f"non_local.non_local.{theirs}") for own, theirs in inner.items())
    yield from same(*(f"tail.0.{i}" for i in UPSAMPLER), "tail.1")
    yield from (("mean_shift.subtraction", "sub_mean"), ("mean_shift.addition", "add_mean"))
    # Of what is not used, the names that `_add_unused` gives.
    yield from same(*(f"RG.{i}" for i in range(sizes.groups)), "conv_last", f"{_NON_LOCAL}.0", f"{_NON_LOCAL}.2")


def _drop_unused(state: dict[str, Tensor]) -> None:
    for key in [key for key in state if _UNUSED.fullmatch(key)]:
        del state[key]


def _add_unused(state: dict[str, Tensor]) -> None:
    """Zeros in the shapes that their program gives these modules."""
    inner, features = state["non_local.theta.weight"].shape[:2]
    zeros = state["groups.0.conv.weight"].new_zeros
    for i in range(count(state, r"groups\.(\d+)\.")):
        state[f"RG.{i}.gamma"] = zeros(1)
    for path, shape in (
        ("conv_last", (features, features, 3, 3)),
        (f"{_NON_LOCAL}.0", (inner, features, 1, 1)),
        (f"{_NON_LOCAL}.2", (features, inner, 1, 1)),
    ):
        state[f"{path}.weight"], state[f"{path}.bias"] = zeros(shape), zeros(shape[0])


LAYOUTS = (
    Layout(
        "san",
        "daitao/SAN",
        "san",
        _authors,
        lambda state: _Sizes(count(state, r"RG\.0\.rcab\.(\d+)\."), groups=count(state, r"RG\.(\d+)\.")),
        lambda state: _Sizes(count(state, r"groups\.0\.blocks\.(\d+)\."), groups=count(state, r"groups\.(\d+)\.")),
        parameters={"gamma": "gamma"},
        complete=_drop_unused,
        strip=_add_unused,
    ),
)
