"""How CARN is trained (Ahn et al. 2018, arXiv:1803.08664, section 4.2)."""

from srlab.methods.scale_heads import ScaleHeadsResolver
from srlab.networks.carn import CARNNetwork


class CARN(ScaleHeadsResolver):
    """Each batch has one random scale, the same on every rank; upsamplers of other scales do not change."""

    key = "carn"
    Network = CARNNetwork
