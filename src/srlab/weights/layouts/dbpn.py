"""D-DBPN as its authors' program names it."""

from srlab.weights.key_mapping import Layout, Modules, Sizes, counted


def _dbpn_pytorch(sizes: Sizes) -> Modules:
    """Their projections count from 1, and their convolutions are called by their kind."""
    for i in range(2):
        yield from ((f"head.{i}.0", f"feat{i}.conv"), (f"head.{i}.1", f"feat{i}.act"))
    for i in range(sizes.blocks):
        yield from _projection(f"ups.{i}", f"up{i + 1}", ("up_conv", "deconv", "conv"))
        yield from _projection(f"downs.{i}", f"down{i + 1}", ("down_conv", "conv", "deconv"))
    yield "tail", "output_conv.conv"


def _projection(ours: str, theirs: str, names: tuple[str, str, str]) -> Modules:
    name, there, back = names
    yield from ((f"{ours}.merge.0", f"{theirs}.conv.conv"), (f"{ours}.merge.1", f"{theirs}.conv.act"))
    for i, (part, kind) in enumerate((("first", there), ("back", back), ("correction", there))):
        yield f"{ours}.{part}.0", f"{theirs}.{name}{i + 1}.{kind}"
        yield f"{ours}.{part}.1", f"{theirs}.{name}{i + 1}.act"


LAYOUTS = (
    Layout(
        "dbpn_pytorch",
        "alterzero/DBPN-Pytorch",
        "dbpn",
        _dbpn_pytorch,
        counted(r"up(\d+)\."),
        counted(r"ups\.(\d+)\."),
    ),
)
