"""SRCNN by the names that the layers of the authors' MATLAB and Caffe programs have."""

from srlab.weights.key_mapping import Layout, Modules, Sizes, counted


def _authors(sizes: Sizes) -> Modules:
    yield from ((f"convolutions.{i}", f"conv{i + 1}") for i in range(sizes.blocks))


LAYOUTS = (
    Layout(
        "authors",
        "the authors of SRCNN",
        "srcnn",
        _authors,
        counted(r"conv(\d+)\."),
        counted(r"convolutions\.(\d+)\."),
    ),
)
