"""MS-LapSRN by the names in the authors' MatConvNet program."""

from srlab.weights.key_mapping import Layout, Modules, Sizes, counted


def _authors(sizes: Sizes) -> Modules:
    yield from (("head", "input_conv"), ("upsampler", "upconv"))
    yield from (("residual", "residual_conv"), ("image_upsampler", "img_up"))
    yield from ((f"convolutions.{i}", f"conv{i + 1}") for i in range(sizes.blocks))


LAYOUTS = (
    Layout(
        "authors",
        "the authors of MS-LapSRN",
        "ms_lapsrn",
        _authors,
        counted(r"conv(\d+)\."),
        counted(r"convolutions\.(\d+)\."),
    ),
)
