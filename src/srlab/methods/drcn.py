"""How DRCN is trained (Kim et al. 2016, arXiv:1511.04491, section 3)."""

from srlab.data.batch import Batch
from srlab.methods.pre_upsampling import PreUpsamplingResolver
from srlab.methods.super_resolver import Prediction
from srlab.networks.drcn import DRCNNetwork

SUPERVISED_SHARE = 0.5  # of all steps, in which alpha falls to 0; the paper only says that it decays


def alpha_at(step: int, max_steps: int) -> float:
    """Returns alpha, the weight of the recursions' images against the final one.

    It falls on a line from 1 to 0 and stays there: at first every recursion is supervised, which makes training stable;
    in the end only the final image counts.

    Args:
        step: optimizer steps that are done.
        max_steps: those of the whole training.
    """
    return max(0.0, 1 - step / (SUPERVISED_SHARE * max_steps))


class DRCN(PreUpsamplingResolver):
    """L2 on luma: alpha on the mean over all recursions' images, 1 - alpha on the final one.

    The last term, beta times the squared weights, is the optimizer's weight decay.
    """

    key = "drcn"
    Network = DRCNNetwork

    def predictions(self, batch: Batch) -> list[Prediction]:
        *images, final = self.network.outputs(batch.lr, batch.scale)
        alpha = alpha_at(self.global_step, self.hparams["recipe"]["max_steps"])
        supervised = [(batch.crop_margin(image), batch.hr, alpha / len(images)) for image in images]
        return [*supervised, (batch.crop_margin(final), batch.hr, 1 - alpha)]
