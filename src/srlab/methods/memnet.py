"""How MemNet is trained (Tai et al. 2017, arXiv:1708.02209, sections 3.3 and 5)."""

from srlab.data.batch import Batch
from srlab.methods.pre_upsampling import RateNormClippedResolver
from srlab.methods.super_resolver import Prediction
from srlab.networks.memnet import MemNetNetwork


class MemNet(RateNormClippedResolver):
    """As DRRN, with every block's image supervised as much as the final one.

    In the paper's loss that is alpha = 1 / (M + 1): alpha on the final image, (1 - alpha) / M on each of the M others.
    The authors' program has the weight 1 on each, which is the same but for the factor M + 1.
    """

    key = "memnet"
    Network = MemNetNetwork

    def predictions(self, batch: Batch) -> list[Prediction]:
        images = self.network.outputs(batch.lr, batch.scale)
        return [(batch.crop_margin(image), batch.hr, 1 / len(images)) for image in images]
