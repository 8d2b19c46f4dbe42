"""ProSR and ProSRs as the authors' program names them. It has the mean in its code."""

from collections.abc import Callable
from dataclasses import dataclass

from srlab.networks.layers import DIV2K_MEAN
from srlab.networks.network import State, count
from srlab.networks.prosr import VALUE_RANGE, has_residual_units
from srlab.weights.key_mapping import Layout, Modules, Sizes, fixed_mean


@dataclass(frozen=True)
class PyramidSizes(Sizes):
    """Also the number of levels, the layers of a unit, and whether the units are residual; `blocks`: of a level."""

    levels: int = 0
    layers: int = 0
    residual: bool = False


def _prosr(sizes: Sizes) -> Modules:
    assert isinstance(sizes, PyramidSizes)
    block, dense = ("residual_denseblock", "dense_block") if sizes.residual else ("denseblock", "dense")
    for i in range(sizes.levels):
        level, theirs = f"levels.{i}", f"pyramid_residual_{i + 1}"
        yield f"heads.x{2 ** (i + 1)}", f"init_conv_{i + 1}.conv.1"
        yield f"{level}.compression", f"{theirs}.compression_{i}.conv1"
        for j in range(sizes.blocks):
            unit, their_unit = f"{level}.blocks.{j}", f"{theirs}.{block}_{j + 1}"
            yield f"{unit}.compression", f"{their_unit}.comp.conv1"
            for k in range(sizes.layers):
                layer = f"{their_unit}.{dense}.denselayer{k + 1}"
                yield f"{unit}.layers.{k}.squeeze", f"{layer}.conv_1"
                yield f"{unit}.layers.{k}.expand", f"{layer}.conv_2.conv.1"
        yield f"{level}.conv", f"{theirs}.final_conv.final_conv.conv.1"
        yield f"{level}.upsample", f"{theirs}_residual_upsampler.m.0.conv.1"
        yield f"{level}.image", f"reconst_{i + 1}.final_conv.conv.1"


def _counted(levels: str, blocks: str, layers: str, is_residual: Callable[[State], bool]) -> Callable[[State], Sizes]:
    return lambda state: PyramidSizes(
        blocks=count(state, blocks),
        levels=count(state, levels),
        layers=count(state, layers),
        residual=is_residual(state),
    )


def _says_residual(state: State) -> bool:
    return any(".residual_denseblock_" in key for key in state)


_THEIR_SIZES = _counted(
    r"reconst_(\d+)\.",
    r"pyramid_residual_\d+\.(?:residual_)?denseblock_(\d+)\.",
    r"pyramid_residual_.*\.denselayer(\d+)\.",
    _says_residual,
)
_OWN_SIZES = _counted(
    r"levels\.(\d+)\.",
    r"levels\.\d+\.blocks\.(\d+)\.",
    r"levels\.\d+\.blocks\.\d+\.layers\.(\d+)\.",
    has_residual_units,
)
_MEAN = fixed_mean(DIV2K_MEAN, VALUE_RANGE)

LAYOUTS = (
    Layout(
        "prosr",
        "fperazzi/proSR",
        "prosr",
        _prosr,
        _THEIR_SIZES,
        _OWN_SIZES,
        container="state_dict",
        complete=_MEAN[0],
        strip=_MEAN[1],
    ),
)
