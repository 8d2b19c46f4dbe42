"""How VDSR is trained (Kim et al. 2016, arXiv:1511.04587, section 3.2)."""

from torch import nn
from torch.optim import Optimizer

from srlab.methods.pre_upsampling import PreUpsamplingResolver
from srlab.networks.vdsr import VDSRNetwork


class VDSR(PreUpsamplingResolver):
    """L2 on luma, several scales in a batch, a high learning rate under adjustable clipping (section 3.2)."""

    key = "vdsr"
    Network = VDSRNetwork

    def configure_gradient_clipping(
        self, optimizer: Optimizer, gradient_clip_val: float | None = None, gradient_clip_algorithm: str | None = None
    ) -> None:
        """Clips every component to [-theta / learning rate, theta / learning rate]; theta is gradient_clip_val.

        So plain gradient descent moves no weight by more than theta, at any learning rate (section 3.2).
        """
        if not gradient_clip_val:
            return
        for group in optimizer.param_groups:
            if group["lr"] > 0:
                nn.utils.clip_grad_value_(group["params"], gradient_clip_val / group["lr"])
