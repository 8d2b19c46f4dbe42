"""How DSRN is trained (Han et al. 2018, arXiv:1805.02704), as in the authors' program."""

from torch.optim import Optimizer

from srlab.methods.optimizers import clip_gradient_value
from srlab.methods.super_resolver import SuperResolver
from srlab.networks.dsrn import DSRNNetwork


class DSRN(SuperResolver):
    """Every component of the gradient is clipped by itself; trainer.gradient_clip_val is the largest one."""

    key = "dsrn"
    Network = DSRNNetwork

    def configure_gradient_clipping(
        self, optimizer: Optimizer, gradient_clip_val: float | None = None, gradient_clip_algorithm: str | None = None
    ) -> None:
        if gradient_clip_val:
            clip_gradient_value(optimizer, gradient_clip_val)
