"""The networks: pure PyTorch, one file a paper. A checkpoint names its network by a key of NETWORKS."""

from srlab.networks.edsr import EDSRNetwork
from srlab.networks.fsrcnn import FSRCNNNetwork
from srlab.networks.interpolation import InterpolationNetwork
from srlab.networks.mdsr import MDSRNetwork
from srlab.networks.network import SRNetwork
from srlab.networks.srcnn import SRCNNNetwork
from srlab.networks.srresnet import SRResNetNetwork
from srlab.networks.vdsr import VDSRNetwork
from srlab.networks.wdsr import WDSRNetwork

NETWORKS: dict[str, type[SRNetwork]] = {
    "interpolation": InterpolationNetwork,
    "srcnn": SRCNNNetwork,
    "fsrcnn": FSRCNNNetwork,
    "vdsr": VDSRNetwork,
    "srresnet": SRResNetNetwork,
    "edsr": EDSRNetwork,
    "mdsr": MDSRNetwork,
    "wdsr": WDSRNetwork,
}


def network_name(kind: type[SRNetwork]) -> str:
    """Returns the key of a network's class in NETWORKS."""
    return next(name for name, network in NETWORKS.items() if network is kind)
