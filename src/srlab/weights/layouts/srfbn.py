"""SRFBN as its authors' program names it."""

from srlab.weights.key_mapping import Layout, Modules, Sizes, counted, mean_in_convolutions, same

_NAMES = {"ups": "upBlocks", "downs": "downBlocks", "up_merges": "uptranBlocks", "down_merges": "downtranBlocks"}


def _srfbn(sizes: Sizes) -> Modules:
    """Every convolution of theirs stands in a Sequential, with its PReLU where it has one."""
    for place in (0, 1):
        yield from ((f"head.0.{place}", f"conv_in.{place}"), (f"head.1.{place}", f"feat_in.{place}"))
        yield from ((f"block.merge.{place}", f"block.compress_in.{place}"), (f"upsample.{place}", f"out.{place}"))
        yield f"block.out.{place}", f"block.compress_out.{place}"
        for i in range(sizes.blocks):
            yield from ((f"block.{own}.{i}.{place}", f"block.{name}.{i}.{place}") for own, name in _NAMES.items())
    yield "tail", "conv_out.0"
    yield from same("sub_mean", "add_mean")


_MEAN = mean_in_convolutions(255.0)

LAYOUTS = (
    Layout(
        "srfbn",
        "Paper99/SRFBN_CVPR19",
        "srfbn",
        _srfbn,
        counted(r"block\.upBlocks\.(\d+)\."),
        counted(r"block\.ups\.(\d+)\."),
        container="state_dict",
        complete=_MEAN[0],
        strip=_MEAN[1],
    ),
)
