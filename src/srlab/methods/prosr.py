"""How ProSR is trained (Wang et al. 2018, arXiv:1804.02900, section 3)."""

from srlab.data.batch import Batch
from srlab.methods.scale_heads import ScaleHeadsResolver
from srlab.methods.super_resolver import Prediction
from srlab.networks.prosr import ProSRNetwork


class ProSR(ScaleHeadsResolver):
    """From x2 to x8: a scale joins when the one before can do its part, and its level is blended in.

    Which scale a batch has, and how far it is blended in, comes with the batch: both are functions of the step
    (data.growth), so a resumed run and one on more processes are the same. Validation sees the network as it will be at
    the end, every level in full.
    """

    key = "prosr"
    Network = ProSRNetwork
    network: ProSRNetwork

    def predictions(self, batch: Batch) -> list[Prediction]:
        sr = self.network.blended(batch.lr, batch.scale, batch.blend)
        return [(batch.crop_margin(sr), batch.hr, 1.0)]
