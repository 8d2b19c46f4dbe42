"""RDN as EDSR-PyTorch names it. That program subtracts no mean."""

from collections.abc import Callable
from dataclasses import dataclass

from srlab.networks.network import State, count
from srlab.networks.rdn import VALUE_RANGE
from srlab.weights.key_mapping import Layout, Modules, Sizes, fixed_mean


@dataclass(frozen=True)
class DenseSizes(Sizes):
    """Also the number of convolutions of a block, and that of places in the tail."""

    layers: int = 0
    places: int = 0


def _counted(blocks: str, layers: str, places: str) -> Callable[[State], Sizes]:
    """A pixel shuffle is between any two convolutions of the tail."""
    return lambda state: DenseSizes(
        count(state, blocks), layers=count(state, layers), places=max(0, 2 * count(state, places) - 1)
    )


def _edsr_pytorch(sizes: Sizes) -> Modules:
    assert isinstance(sizes, DenseSizes)
    yield from ((f"shallow.{i}", f"SFENet{i + 1}") for i in (0, 1))
    for i in range(sizes.blocks):
        yield from ((f"blocks.{i}.convolutions.{j}", f"RDBs.{i}.convs.{j}.conv.0") for j in range(sizes.layers))
        yield f"blocks.{i}.fusion", f"RDBs.{i}.LFF"
    yield from ((f"fusion.{i}", f"GFF.{i}") for i in (0, 1))
    yield from ((f"tail.{i}", f"UPNet.{i}") for i in range(0, sizes.places, 2))


_NO_MEAN = fixed_mean((0.0, 0.0, 0.0), VALUE_RANGE)

LAYOUTS = (
    Layout(
        "edsr_pytorch",
        "EDSR-PyTorch",
        "rdn",
        _edsr_pytorch,
        _counted(r"RDBs\.(\d+)\.", r"RDBs\.0\.convs\.(\d+)\.", r"UPNet\.(\d+)\."),
        _counted(r"blocks\.(\d+)\.", r"blocks\.0\.convolutions\.(\d+)\.", r"tail\.(\d+)\."),
        complete=_NO_MEAN[0],
        strip=_NO_MEAN[1],
    ),
)
