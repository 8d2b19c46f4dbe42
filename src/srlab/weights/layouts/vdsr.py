"""VDSR as the best-known PyTorch project names it."""

from srlab.weights.key_mapping import Layout, Modules, Sizes, counted, without_biases, zero_biases


def _twtygqyy(sizes: Sizes) -> Modules:
    yield from (("layers.0", "input"), (f"layers.{sizes.blocks - 1}", "output"))
    yield from ((f"layers.{i}", f"residual_layer.{i - 1}.conv") for i in range(1, sizes.blocks - 1))


LAYOUTS = (
    Layout(
        "vdsr_twtygqyy",
        "twtygqyy/pytorch-vdsr",
        "vdsr",
        _twtygqyy,
        counted(r"residual_layer\.(\d+)\.", more=2),
        counted(r"layers\.(\d+)\."),
        complete=zero_biases,
        strip=without_biases,
    ),
)
