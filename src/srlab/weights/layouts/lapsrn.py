"""LapSRN by the names in the authors' MatConvNet program, and as the best-known PyTorch project names it."""

from torch import Tensor

from srlab.errors import SrlabError
from srlab.networks.network import State, count
from srlab.weights.key_mapping import Change, Layout, Modules, Sizes, without_biases, zero_biases

_IMAGE = ".image_upsampler.bias"  # an image's transposed convolution has no bias in any of the networks


def _levels(number: int) -> tuple[int, ...]:
    """The scales of the levels."""
    return tuple(2**level for level in range(1, number + 1))


def _authors(sizes: Sizes) -> Modules:
    """Their levels count down: the last one, which gives the result, is level1."""
    yield "head", "input_conv"
    levels = len(sizes.scales)
    for i in range(levels):
        theirs = f"level{levels - i}"
        yield from ((f"levels.{i}.convolutions.{j}", f"{theirs}_conv{j + 1}") for j in range(sizes.blocks))
        yield f"levels.{i}.upsampler", f"{theirs}_upconv"
        yield f"levels.{i}.residual", f"{theirs}_residual_conv"
        yield f"levels.{i}.image_upsampler", f"{theirs}_img_up"


def _twtygqyy(sizes: Sizes) -> Modules:
    """An activation follows every convolution of their blocks; the transposed convolution is the last."""
    yield "head", "conv_input"
    for i in range(len(sizes.scales)):
        block = f"convt_F{i + 1}.0.cov_block"
        yield from ((f"levels.{i}.convolutions.{j}", f"{block}.{2 * j}") for j in range(sizes.blocks))
        yield f"levels.{i}.upsampler", f"{block}.{2 * sizes.blocks}"
        yield f"levels.{i}.residual", f"convt_R{i + 1}"
        yield f"levels.{i}.image_upsampler", f"convt_I{i + 1}"


def _own_sizes(state: State) -> Sizes:
    return Sizes(count(state, r"levels\.0\.convolutions\.(\d+)\."), _levels(count(state, r"levels\.(\d+)\.")))


def _authors_sizes(state: State) -> Sizes:
    return Sizes(count(state, r"level1_conv(\d+)\."), _levels(count(state, r"level(\d+)_conv1\.")))


def _twtygqyy_sizes(state: State) -> Sizes:
    convolutions = count(state, r"convt_F1\.0\.cov_block\.(\d+)\.")
    return Sizes(max(convolutions - 1, 0), _levels(count(state, r"convt_F(\d+)\.")))


def _complete(state: dict[str, Tensor]) -> None:
    zero_biases(state)
    for key in [key for key in state if key.endswith(_IMAGE)]:
        del state[key]


def _needs_kernel(kernel: int, change: Change) -> Change:
    """Returns `strip` for a project whose program has only this kernel of the features' transposed convolution."""

    def strip(state: dict[str, Tensor]) -> None:
        own = state["levels.0.upsampler.weight"].shape[-1]
        if own != kernel:
            raise SrlabError(f"levels.0.upsampler is {own}x{own}, and that project's network has {kernel}x{kernel}.")
        change(state)

    return strip


LAYOUTS = (
    Layout(
        "authors",
        "the authors of LapSRN",
        "lapsrn",
        _authors,
        _authors_sizes,
        _own_sizes,
        strip=_needs_kernel(3, lambda state: None),
    ),
    Layout(
        "lapsrn_twtygqyy",
        "twtygqyy/pytorch-LapSRN",
        "lapsrn",
        _twtygqyy,
        _twtygqyy_sizes,
        _own_sizes,
        complete=_complete,
        strip=_needs_kernel(4, without_biases),
    ),
)
