"""The networks: pure PyTorch, one file a paper. A checkpoint names its network by a key of NETWORKS."""

from srlab.networks.aplus import APlusNetwork
from srlab.networks.carn import CARNNetwork
from srlab.networks.csnln import CSNLNNetwork
from srlab.networks.dbpn import DBPNNetwork
from srlab.networks.drcn import DRCNNetwork
from srlab.networks.drrn import DRRNNetwork
from srlab.networks.dsrn import DSRNNetwork
from srlab.networks.edsr import EDSRNetwork
from srlab.networks.espcn import ESPCNNetwork
from srlab.networks.fsrcnn import FSRCNNNetwork
from srlab.networks.han import HANNetwork
from srlab.networks.interpolation import InterpolationNetwork
from srlab.networks.lapsrn import LapSRNNetwork
from srlab.networks.mdsr import MDSRNetwork
from srlab.networks.memnet import MemNetNetwork
from srlab.networks.ms_lapsrn import MSLapSRNNetwork
from srlab.networks.network import SRNetwork
from srlab.networks.prosr import ProSRNetwork
from srlab.networks.rcan import RCANNetwork
from srlab.networks.rdn import RDNNetwork
from srlab.networks.san import SANNetwork
from srlab.networks.selfexsr import SelfExSRNetwork
from srlab.networks.srcnn import SRCNNNetwork
from srlab.networks.srfbn import SRFBNNetwork
from srlab.networks.srmd import SRMDNetwork
from srlab.networks.srresnet import SRResNetNetwork
from srlab.networks.vdsr import VDSRNetwork
from srlab.networks.wdsr import WDSRNetwork

NETWORKS: dict[str, type[SRNetwork]] = {
    "interpolation": InterpolationNetwork,
    "aplus": APlusNetwork,
    "selfexsr": SelfExSRNetwork,
    "srcnn": SRCNNNetwork,
    "fsrcnn": FSRCNNNetwork,
    "espcn": ESPCNNetwork,
    "vdsr": VDSRNetwork,
    "drcn": DRCNNetwork,
    "drrn": DRRNNetwork,
    "memnet": MemNetNetwork,
    "lapsrn": LapSRNNetwork,
    "ms_lapsrn": MSLapSRNNetwork,
    "srresnet": SRResNetNetwork,
    "edsr": EDSRNetwork,
    "mdsr": MDSRNetwork,
    "wdsr": WDSRNetwork,
    "carn": CARNNetwork,
    "srmd": SRMDNetwork,
    "prosr": ProSRNetwork,
    "dsrn": DSRNNetwork,
    "rdn": RDNNetwork,
    "rcan": RCANNetwork,
    "dbpn": DBPNNetwork,
    "srfbn": SRFBNNetwork,
    "san": SANNetwork,
    "han": HANNetwork,
    "csnln": CSNLNNetwork,
}

NETWORKS_OF_METHODS = {"srgan": "srresnet"}  # methods that are named otherwise than their network


def network_name(kind: type[SRNetwork]) -> str:
    """Returns the key of a network's class in NETWORKS."""
    return next(name for name, network in NETWORKS.items() if network is kind)
