"""The methods: one file a paper, its network and its LightningModule. A checkpoint names its method by a key here."""

from srlab.errors import SrlabError, nearest
from srlab.methods.base import SuperResolver
from srlab.methods.edsr import EDSR
from srlab.methods.interpolation import Interpolation
from srlab.methods.mdsr import MDSR
from srlab.methods.srcnn import SRCNN
from srlab.methods.srgan import SRGAN
from srlab.methods.srresnet import SRResNet
from srlab.methods.vdsr import VDSR
from srlab.methods.wdsr import WDSR

METHODS: dict[str, type[SuperResolver]] = {
    method.key: method
    for method in (
        Interpolation,
        SRCNN,
        VDSR,
        SRResNet,
        SRGAN,
        EDSR,
        MDSR,
        WDSR,
    )
}


def find_method(name: str) -> type[SuperResolver]:
    """The class behind a name. Raises SrlabError for an unknown one."""
    if name not in METHODS:
        raise SrlabError(f"'{name}' is not a method ({', '.join(METHODS)}).{nearest(name, METHODS)}")
    return METHODS[name]
