"""How SRFBN is trained (Li et al. 2019, arXiv:1903.09814, section 3.4)."""

from srlab.data.batch import Batch
from srlab.methods.super_resolver import Prediction, SuperResolver
from srlab.networks.srfbn import SRFBNNetwork


class SRFBN(SuperResolver):
    """Every step's image is compared with HR, each with a weight of 1, as in the authors' program."""

    key = "srfbn"
    Network = SRFBNNetwork

    def predictions(self, batch: Batch) -> list[Prediction]:
        return [(batch.crop_margin(image), batch.hr, 1.0) for image in self.network.outputs(batch.lr, batch.scale)]
