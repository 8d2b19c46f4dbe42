"""CARN as its authors name it: with an upsampler for each scale, or with the one of a network of one scale."""

from srlab.networks.network import State
from srlab.weights.key_mapping import Layout, Modules, Sizes, mean_in_convolutions

_PLACES = range(3)  # of cascading blocks, and of residual blocks in each; fixed in the authors' program
_UPSAMPLER = (0, 3, 6)  # places of an upsampler's convolutions: activation and pixel shuffle follow each


def _carn_pytorch(sizes: Sizes) -> Modules:
    """Of two names for one module, both are read, and the last one is written."""
    yield "entry", "entry"
    for i in _PLACES:
        block, name = f"body.blocks.{i}", f"b{i + 1}"
        for j in _PLACES:
            yield from ((f"{block}.blocks.{j}.body.{k}", f"{name}.b{j + 1}.body.{k}") for k in (0, 2, 4))
            yield f"{block}.merge.{j}", f"{name}.c{j + 1}.body.0"
        yield f"body.merge.{i}", f"c{i + 1}.body.0"
    for scale in sizes.scales:
        yield from ((f"upsample.x{scale}.{j}", f"upsample.up{scale}.body.{j}") for j in _UPSAMPLER)
    if len(sizes.scales) == 1:
        yield from ((f"upsample.x{sizes.scales[0]}.{j}", f"upsample.up.body.{j}") for j in _UPSAMPLER)
    yield "exit", "exit"
    yield from (("sub_mean", "sub_mean.shifter"), ("add_mean", "add_mean.shifter"))


def _sizes(state: State) -> Sizes:
    """Which scales there are: by name, or by the shapes of the only upsampler, whose name does not say it."""
    names = {key.split(".")[1] for key in state if key.startswith("upsample.up")}
    scales = {int(name[2:]) for name in names if name[2:].isdecimal()}
    if names == {"up"}:
        weights = [state[key] for j in _UPSAMPLER if (key := f"upsample.up.body.{j}.weight") in state]
        widths = [len(weight) for weight in weights if weight.ndim == 4]
        scales = {3 if widths == [9 * _features(state)] else 2 ** len(widths)}
    return Sizes(len(_PLACES), tuple(sorted(scales)))


def _features(state: State) -> int:
    entry = state.get("entry.weight")
    return 0 if entry is None or entry.ndim == 0 else len(entry)


def _own_sizes(state: State) -> Sizes:
    scales = {int(key.split(".")[1][1:]) for key in state if key.startswith("upsample.")}
    return Sizes(len(_PLACES), tuple(sorted(scales)))


_MEAN = mean_in_convolutions(1.0)

LAYOUTS = (
    Layout(
        "carn_pytorch",
        "nmhkahn/CARN-pytorch",
        "carn",
        _carn_pytorch,
        _sizes,
        _own_sizes,
        complete=_MEAN[0],
        strip=_MEAN[1],
    ),
)
