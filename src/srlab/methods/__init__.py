"""The methods: how each network is trained. A checkpoint names its method by a key of METHODS.

A network without a training of its own is trained as SuperResolver says, and needs no file here.
"""

from srlab.errors import SrlabError, nearest
from srlab.methods.aplus import APlus
from srlab.methods.carn import CARN
from srlab.methods.drcn import DRCN
from srlab.methods.drrn import DRRN
from srlab.methods.dsrn import DSRN
from srlab.methods.laplacian import LapSRN, MSLapSRN
from srlab.methods.mdsr import MDSR
from srlab.methods.memnet import MemNet
from srlab.methods.prosr import ProSR
from srlab.methods.srcnn import SRCNN
from srlab.methods.srfbn import SRFBN
from srlab.methods.srgan import SRGAN
from srlab.methods.super_resolver import SuperResolver, plain_method
from srlab.methods.vdsr import VDSR
from srlab.networks import NETWORKS
from srlab.weights.spandrel_network import NAME as SPANDREL

OWN_TRAINING: tuple[type[SuperResolver], ...] = (
    APlus,
    SRCNN,
    VDSR,
    DRCN,
    DRRN,
    MemNet,
    LapSRN,
    MSLapSRN,
    SRGAN,
    MDSR,
    CARN,
    ProSR,
    DSRN,
    SRFBN,
)

METHODS: dict[str, type[SuperResolver]] = {
    **{name: plain_method(name, network) for name, network in NETWORKS.items()},
    **{method.key: method for method in OWN_TRAINING},
}


IMAGES = "images"  # the method of conf/model/images.yaml: saved results, for evaluate.py alone


def find_method(name: str) -> type[SuperResolver]:
    """Returns the class of a method.

    Raises:
        SrlabError: there is no method of that name.
    """
    if name == SPANDREL:
        raise SrlabError(
            "model=spandrel: networks of other programs are only measured and used. evaluate.py takes them."
        )
    if name == IMAGES:
        raise SrlabError("model=images: these are saved images and no network. Only evaluate.py takes them.")
    if name not in METHODS:
        raise SrlabError(f"'{name}' is not a method ({', '.join(METHODS)}).{nearest(name, METHODS)}")
    return METHODS[name]


def interpolation(kernel: str = "bicubic") -> SuperResolver:
    """Returns the method that only interpolates, which every table begins with."""
    return find_method("interpolation")({"kernel": kernel}).eval()
