"""How MDSR is trained (Lim et al. 2017, arXiv:1707.02921, section 4.2)."""

from srlab.methods.scale_heads import ScaleHeadsResolver
from srlab.networks.mdsr import MDSRNetwork


class MDSR(ScaleHeadsResolver):
    """Each batch has one random scale, the same on every rank; modules of other scales do not change (section 4.2)."""

    key = "mdsr"
    Network = MDSRNetwork
