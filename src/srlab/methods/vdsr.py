"""How VDSR is trained (Kim et al. 2016, arXiv:1511.04587, section 3.2)."""

from srlab.methods.pre_upsampling import RateClippedResolver
from srlab.networks.vdsr import VDSRNetwork


class VDSR(RateClippedResolver):
    """L2 on luma, several scales in a batch, a high learning rate under adjustable clipping (section 3.2)."""

    key = "vdsr"
    Network = VDSRNetwork
