"""WDSR as its authors' two programs name it."""

from srlab.networks.layers import DIV2K_MEAN
from srlab.weights.key_mapping import Layout, Modules, Sizes, counted, fixed_mean, same

_BLOCKS = r"body\.(\d+)\.body\."


def _wdsr_2018(sizes: Sizes) -> Modules:
    yield from ((path, f"{path}.0") for path in ("head", "tail", "skip"))
    yield from same(*(f"body.{i}.body.{j}" for i in range(sizes.blocks) for j in (0, 2, 3)))


def _ychfan(sizes: Sizes) -> Modules:
    """Their body is one Sequential from the head to the tail."""
    yield "head", "body.0"
    yield from ((f"body.{i}.body.{j}", f"body.{i + 1}.body.{j}") for i in range(sizes.blocks) for j in (0, 2, 3))
    yield "tail", f"body.{sizes.blocks + 1}"
    yield "skip", "skip.0"


_WEIGHT_NORM = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}
_WDSR_2018_MEAN = fixed_mean(DIV2K_MEAN, 2.0)
_YCHFAN_MEAN = fixed_mean((0.5, 0.5, 0.5), 1.0)

LAYOUTS = (
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
        _ychfan,
        counted(_BLOCKS),
        counted(_BLOCKS),
        parameters=_WEIGHT_NORM,
        container="model_state_dict",
        complete=_YCHFAN_MEAN[0],
        strip=_YCHFAN_MEAN[1],
    ),
)
