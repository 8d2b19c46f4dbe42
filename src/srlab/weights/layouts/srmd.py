"""SRMD and SRMDNF as KAIR names them, with the basis of kernels that belongs to the weights."""

import torch
from torch import Tensor

from srlab.imaging.blur_kernels import SIDE
from srlab.networks.srmd import CODE_LENGTH
from srlab.weights.key_mapping import Layout, Modules, Sizes, counted

_SHAPE = (CODE_LENGTH, SIDE * SIDE)


def _kair(sizes: Sizes) -> Modules:
    """Every second module is a ReLU."""
    yield from ((f"body.{2 * i}", f"model.{2 * i}") for i in range(sizes.blocks))


def _transpose_kernels(state: dict[str, Tensor]) -> None:
    """Changes the order of kernels in the basis between rows first, as ours, and columns first, as in MATLAB."""
    basis = state.get("basis")
    if basis is not None and basis.shape == _SHAPE:
        state["basis"] = basis.reshape(CODE_LENGTH, SIDE, SIDE).transpose(1, 2).reshape(_SHAPE)


LAYOUTS = (
    Layout(
        "kair",
        "cszn/KAIR",
        "srmd",
        _kair,
        counted(r"model\.(\d+)\.weight"),
        counted(r"body\.(\d+)\.weight"),
        parameters={"basis": "pca"},
        complete=_transpose_kernels,
        strip=_transpose_kernels,
        elsewhere={"basis": torch.zeros(_SHAPE)},
        advice=(
            "its basis of kernels is not in them: KAIR keeps it in kernels/srmd_pca_matlab.mat. Add it to the state "
            "dict as 'pca': torch.from_numpy(scipy.io.loadmat(FILE)['P'])"
        ),
    ),
)
