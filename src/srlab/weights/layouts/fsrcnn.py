"""FSRCNN by the names that the layers of the authors' MATLAB and Caffe programs have."""

from srlab.networks.network import State, count
from srlab.weights.key_mapping import Layout, Modules, Sizes, counted


def _authors(sizes: Sizes) -> Modules:
    for i in range(sizes.blocks):
        yield f"features.{2 * i}", f"conv{i + 1}"
        yield f"features.{2 * i + 1}", f"prelu{i + 1}"
    yield "deconvolution", "deconv"


def _own_sizes(state: State) -> Sizes:
    """Every second module of ours is a PReLU."""
    return Sizes(count(state, r"features\.(\d+)\.") // 2)


LAYOUTS = (Layout("authors", "the authors of FSRCNN", "fsrcnn", _authors, counted(r"conv(\d+)\."), _own_sizes),)
