"""How LapSRN and MS-LapSRN are trained (Lai et al. 2017, arXiv:1704.03915, section 3.2, and arXiv:1710.01992)."""

from collections.abc import Sequence

from torch import Tensor

from srlab.data.batch import Batch
from srlab.data.random_draws import PatchShape
from srlab.errors import SrlabError
from srlab.imaging.resize import imresize
from srlab.methods.super_resolver import Prediction, SuperResolver
from srlab.networks.lapsrn import LapSRNNetwork
from srlab.networks.ms_lapsrn import MSLapSRNNetwork
from srlab.networks.network import SRNetwork


class PyramidResolver(SuperResolver):
    """Base class of both: the image of every level is compared, with the HR patch reduced to its size by bicubic."""

    @classmethod
    def check_patches(cls, network: SRNetwork, shape: PatchShape, scales: Sequence[int], scale_per: str) -> None:
        if 3 in scales:
            raise SrlabError(
                f"scale=3: {cls.__name__} is not trained at x3. It makes x3 from its x4, reduced by 3/4; train scale=4."
            )

    def predictions(self, batch: Batch) -> list[Prediction]:
        images = self.network.outputs(batch.lr, batch.scale, batch.condition)
        return [_compared(batch, image) for image in images]


def _compared(batch: Batch, image: Tensor) -> Prediction:
    """Returns a level's image without the margin, and what it should be: the HR patch, reduced to its scale."""
    scale = image.shape[-1] // batch.lr.shape[-1]
    target = batch.hr if scale == batch.scale else imresize(batch.hr, scale / batch.scale)
    return batch._replace(hr=target, scale=scale).crop_margin(image), target, 1.0


class LapSRN(PyramidResolver):
    """Charbonnier loss, summed over pixels and levels (equation 4): a network of x8 learns x2, x4 and x8 together.

    The patches are those of the network's own scale, which all its levels learn from.
    """

    key = "lapsrn"
    Network = LapSRNNetwork

    @classmethod
    def check_patches(cls, network: SRNetwork, shape: PatchShape, scales: Sequence[int], scale_per: str) -> None:
        super().check_patches(network, shape, scales, scale_per)
        assert network.traits.scales is not None
        own = max(network.traits.scales)
        if list(scales) != [own]:
            given = ",".join(map(str, scales))
            raise SrlabError(
                f"scale={given}: a LapSRN of x{own} learns all its levels from patches of x{own}. Set scale={own}, or "
                f"another model.network.scale."
            )


class MSLapSRN(PyramidResolver):
    """Scales are trained together; a sample's loss is Charbonnier, summed over pixels and all levels up to its scale.

    In the authors' program a third of every batch is x2, a third x4 and a third x8. Here every sample draws its scale
    (data.scale_per=sample), so that these are the expected parts. All samples have the same weight, as theirs do.
    """

    key = "ms_lapsrn"
    Network = MSLapSRNNetwork
