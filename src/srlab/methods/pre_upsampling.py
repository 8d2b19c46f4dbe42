"""Base classes of methods whose networks take LR images that were enlarged by bicubic interpolation."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim import Optimizer

from srlab.data.batch import Batch
from srlab.data.random_draws import PatchShape
from srlab.errors import SrlabError
from srlab.imaging.resize import imresize
from srlab.methods.optimizers import clip_gradient_by_rate, clip_gradient_norm_by_rate
from srlab.methods.super_resolver import SuperResolver
from srlab.networks.network import SRNetwork


def enlarge(batch: Batch) -> Tensor:
    """Enlarges the LR patches of a batch by bicubic interpolation and removes their margin.

    With a margin of at least 2 LR pixels, the reach of bicubic interpolation, the result equals a patch of the enlarged
    image.

    Returns:
        (N, C, H, W), of the size of the HR patches.
    """
    return batch.crop_margin(imresize(batch.lr, batch.scale))


class PreUpsamplingResolver(SuperResolver):
    """Trains on enlarged images. Patches of several scales are joined to one batch, as in VDSR's section 3.2."""

    @classmethod
    def check_patches(cls, network: SRNetwork, shape: PatchShape, scales: Sequence[int], scale_per: str) -> None:
        if scale_per == "sample" and len(scales) > 1 and shape.hr is None:
            raise SrlabError(
                "data.scale_per=sample: patches of several scales make one batch here, so they need one size: "
                "set data.hr_patch_size, or data.scale_per=batch."
            )

    def prepared(self, parts: list[Batch]) -> list[Batch]:
        enlarged = torch.cat([enlarge(part) for part in parts])
        return [Batch(enlarged, torch.cat([part.hr for part in parts]), scale=1)]


class RateClippedResolver(PreUpsamplingResolver):
    """Also clips every component of the gradient by the learning rate, as VDSR.

    trainer.gradient_clip_val is theta, see `clip_gradient_by_rate`.
    """

    def configure_gradient_clipping(
        self, optimizer: Optimizer, gradient_clip_val: float | None = None, gradient_clip_algorithm: str | None = None
    ) -> None:
        if gradient_clip_val:
            clip_gradient_by_rate(optimizer, gradient_clip_val)


class RateNormClippedResolver(PreUpsamplingResolver):
    """Also clips the norm of the gradient by the learning rate: DRRN and MemNet.

    Their papers name VDSR's clipping. Their program divides Caffe's bound by the learning rate, and Caffe's bound is on
    the norm of the whole gradient: theta is for that, and with it components would be free.
    trainer.gradient_clip_val is theta, see `clip_gradient_norm_by_rate`.
    """

    def configure_gradient_clipping(
        self, optimizer: Optimizer, gradient_clip_val: float | None = None, gradient_clip_algorithm: str | None = None
    ) -> None:
        if gradient_clip_val:
            clip_gradient_norm_by_rate(optimizer, gradient_clip_val)
