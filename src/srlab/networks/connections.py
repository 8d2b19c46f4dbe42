"""How the blocks of a residual network are connected: one after the other, densely, or one of them again and again."""

from collections.abc import Callable, Iterable
from typing import Literal

import torch
from torch import Tensor, nn

from srlab.errors import SrlabError, nearest
from srlab.networks.layers import conv
from srlab.networks.network import State

Connections = Literal["residual", "dense", "recursive"]
KINDS = ("residual", "dense", "recursive")


def connected(kind: Connections, features: int, blocks: int, block: Callable[[], nn.Module]) -> list[nn.Module]:
    """Returns the modules of a sequence of connected blocks.

    Args:
        kind: residual: one block after the other, each of which adds to its input (EDSR, arXiv:1707.02921, figure 3);
            dense: see `DenseChain`; recursive: see `Recursion`.
        features: of the input and the output of every block.
        blocks: how many there are, or how often the one is applied.
        block: makes one of them.

    Raises:
        SrlabError: an unknown kind.
    """
    if kind not in KINDS:
        raise SrlabError(f"connections={kind}: expected {', '.join(KINDS)}.{nearest(str(kind), KINDS)}")
    if kind == "recursive":
        return [Recursion(block(), blocks)]
    made = [block() for _ in range(blocks)]
    return [DenseChain(features, made)] if kind == "dense" else made


def infer_connections(state: State, body: str) -> tuple[Connections, str]:
    """Finds the kind of connections from the keys of weights.

    Args:
        state: the state dict of a network.
        body: path of the sequence that begins with the modules of `connected`.

    Returns:
        The kind, and the path of the first block.
    """
    if f"{body}.0.fusions.0.weight" in state:
        return "dense", f"{body}.0.blocks.0"
    if any(key.startswith(f"{body}.0.block.") for key in state):
        return "recursive", f"{body}.0.block"
    return "residual", f"{body}.0"


class DenseChain(nn.Module):
    """Blocks that see the outputs of all blocks before them, and the input of the first.

    As in SRDenseNet (Tong et al. 2017, ICCV, SRDenseNet_All), a 1x1 convolution fuses the concatenation of all outputs
    after the last block. Here one does so after every block, and makes the next block's input: the local feature fusion
    of RDN (arXiv:1802.08797, section 3.2), between blocks instead of inside them, also without activation.

    Args:
        features: of the input and the output, and of those of every block.
        blocks: modules of equal input and output.
    """

    def __init__(self, features: int, blocks: Iterable[nn.Module]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.fusions = nn.ModuleList(conv((i + 2) * features, features, kernel=1) for i in range(len(self.blocks)))

    def forward(self, x: Tensor) -> Tensor:
        """(N, features, h, w) -> the same."""
        outputs = [x]
        for block, fusion in zip(self.blocks, self.fusions, strict=True):
            outputs.append(block(x))
            x = fusion(torch.cat(outputs, dim=1))
        return x


class Recursion(nn.Module):
    """One block that is applied several times, so depth costs no weights.

    DRCN (arXiv:1511.04491, section 3) does so with a convolution, CARN-M (arXiv:1803.08664, section 3.2) with a
    residual block.

    Args:
        block: a module of equal input and output.
        times: how often it is applied.
    """

    def __init__(self, block: nn.Module, times: int) -> None:
        super().__init__()
        self.block, self.times = block, times

    def forward(self, x: Tensor) -> Tensor:
        """(N, features, h, w) -> the same."""
        for _ in range(self.times):
            x = self.block(x)
        return x
