"""HAN as its authors name it: RCAN's names, and those of the attention after it."""

from srlab.weights.key_mapping import Layout, Modules, Sizes
from srlab.weights.layouts.rcan import LAYOUTS as RCAN_LAYOUTS

_RCAN = RCAN_LAYOUTS[0]


def _authors(sizes: Sizes) -> Modules:
    yield from _RCAN.modules(sizes)
    yield from (("layer_attention", "la"), ("channel_spatial_attention", "csa"))
    yield "channel_spatial_attention.conv", "csa.conv"
    yield from (("merge_layers", "last_conv"), ("merge", "last"))


LAYOUTS = (Layout("han", "wwlCape/HAN", "han", _authors, _RCAN.sizes, _RCAN.own_sizes),)
