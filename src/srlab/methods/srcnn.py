"""How SRCNN is trained (Dong et al. 2016, arXiv:1501.00092, section 3.3)."""

from collections.abc import Sequence

from srlab.data.batch import Batch
from srlab.data.random_draws import PatchShape
from srlab.errors import SrlabError
from srlab.methods.pre_upsampling import PreUpsamplingResolver
from srlab.methods.super_resolver import Prediction
from srlab.networks.network import SRNetwork
from srlab.networks.srcnn import SRCNNNetwork


class SRCNN(PreUpsamplingResolver):
    """Squared error on the middle of a patch, which padding does not influence (section 3.3: 33 x 33 -> 17 x 17)."""

    key = "srcnn"
    Network = SRCNNNetwork
    network: SRCNNNetwork

    @classmethod
    def check_patches(cls, network: SRNetwork, shape: PatchShape, scales: Sequence[int], scale_per: str) -> None:
        super().check_patches(network, shape, scales, scale_per)
        assert isinstance(network, SRCNNNetwork)
        least = min(shape.hr_side(scale) for scale in scales)
        if least <= 2 * network.reach:
            key = "data.patch_size" if shape.hr is None else "data.hr_patch_size"
            raise SrlabError(
                f"{key}: HR patches of {least}x{least} have nothing within the {network.reach} pixels of border that "
                f"are not compared. Set it higher."
            )

    def predictions(self, batch: Batch) -> list[Prediction]:
        reach, (height, width) = self.network.reach, batch.hr.shape[2:]
        inner = (..., slice(reach, height - reach), slice(reach, width - reach))
        return [(self.network(batch.lr, batch.scale)[inner], batch.hr[inner], 1.0)]
