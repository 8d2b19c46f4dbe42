"""How SRFBN is trained (Li et al. 2019, arXiv:1903.09814, sections 3.4 and 4)."""

from srlab.data.batch import Batch
from srlab.methods.super_resolver import Prediction, SuperResolver
from srlab.networks.srfbn import SRFBNNetwork


class SRFBN(SuperResolver):
    """Every step's image is compared with a target of its own, each with a weight of 1, as in the authors' program.

    With bicubic LR images all targets are HR. For BD and DN the paper has a curriculum: the targets of the steps are
    ordered by difficulty (section 3.4). The first two of four are HR images that are degraded but not shrunk, the last
    two HR itself (its experiments, as summaries of the paper tell them). `data.curriculum`, which conf/model/srfbn.yaml
    switches on, compares the first half of the steps, rounded down, with `Batch.easier`, where the degradation has such
    images: BD's are blurred by its own kernel, DN's have noise. data.curriculum=false compares all steps with HR.

    The authors' program has no curriculum, so these details are ours: blurred images are rounded to 8 bits, and the
    noise has the level of that in LR, 30 of 255, and is independent of it.
    """

    key = "srfbn"
    Network = SRFBNNetwork
    has_curriculum = True

    def predictions(self, batch: Batch) -> list[Prediction]:
        images = self.network.outputs(batch.lr, batch.scale)
        early = 0 if batch.easier is None else len(images) // 2
        easier = batch.hr if batch.easier is None else batch.easier
        return [(batch.crop_margin(image), easier if i < early else batch.hr, 1.0) for i, image in enumerate(images)]
