"""CSNLN as its authors name it."""

from collections.abc import Iterator

from srlab.weights.key_mapping import Layout, Modules, Sizes, counted, mean_in_convolutions, same

_COMPLETE, _STRIP = mean_in_convolutions(1.0)


def _projection(own: str, theirs: str) -> Iterator[tuple[str, str]]:
    """The modules of one MultiSourceProjection; 0 is a convolution, 1 its PReLU."""
    yield f"{own}.across", f"{theirs}.up_attention"  # which has a buffer
    for i in range(2):
        yield f"{own}.up.{i}", f"{theirs}.upsample.{i}"
        for layer, name in (("query", "match1"), ("key", "match2"), ("value", "assembly")):
            yield f"{own}.within.{layer}.{i}", f"{theirs}.down_attention.conv_{name}.{i}"
        for layer, name in (("query", "match_1"), ("key", "match_2"), ("value", "assembly")):
            yield f"{own}.across.{layer}.{i}", f"{theirs}.up_attention.conv_{name}.{i}"
    yield from ((f"{own}.encoder.body.{i}", f"{theirs}.encoder.body.{i}") for i in range(3))


def _authors(sizes: Sizes) -> Modules:
    yield from ((f"head.{i}", f"head.{i // 2}.{i % 2}") for i in range(4))
    down = "down_sample_2" if sizes.blocks == 1 else "down_sample_4"
    stages = (
        ("multi_source_projection", "down_sample_1", "error_encode"),
        ("multi_source_projection_2", "down_sample_3", "error_encode_2"),
    )
    for stage, (projection, back, error) in enumerate(stages[: sizes.blocks]):
        own = f"cell.stages.{stage}"
        yield from _projection(f"{own}.projection", f"SEM.{projection}")
        for i in range(2):
            yield f"{own}.down.{i}", f"SEM.{back}.{i}"
            yield f"{own}.up.{i}", f"SEM.{error}.{i}"
    for i in range(2):
        yield f"cell.down.{i}", f"SEM.{down}.{i}"
        yield f"cell.out.{i}", f"SEM.post_conv.{i}"
    yield "tail", "tail.0"
    yield from same("sub_mean", "add_mean")


LAYOUTS = (
    Layout(
        "csnln",
        "SHI-Labs/Cross-Scale-Non-Local-Attention",
        "csnln",
        _authors,
        counted(r"SEM\.(multi_source_projection(?:_2)?)\."),
        counted(r"cell\.stages\.(\d+)\."),
        parameters={"smallest": "escape_NaN"},
        complete=_COMPLETE,
        strip=_STRIP,
    ),
)
