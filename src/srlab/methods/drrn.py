"""How DRRN is trained (Tai et al. 2017, CVPR, section 4)."""

from srlab.methods.pre_upsampling import RateNormClippedResolver
from srlab.networks.drrn import DRRNNetwork


class DRRN(RateNormClippedResolver):
    """L2 on luma, several scales in a batch, a high learning rate under adjustable clipping, as VDSR."""

    key = "drrn"
    Network = DRRNNetwork
