"""What SRCNN and VDSR share: the image is enlarged by bicubic interpolation first, and the network sees only that."""

from collections.abc import Sequence

import torch
from torch import Tensor

from srlab.data.batch import Batch
from srlab.data.random_draws import PatchShape
from srlab.errors import SrlabError
from srlab.imaging.resize import imresize
from srlab.methods.super_resolver import SuperResolver
from srlab.networks.network import SRNetwork


def enlarge(batch: Batch) -> Tensor:
    """(N, C, h, w) LR with its margin -> the enlarged patch (N, C, H, W) of the HR patch.

    It equals a patch of the whole image enlarged where the margin covers bicubic's reach of 2 LR pixels.
    """
    return batch.crop_margin(imresize(batch.lr, batch.scale))


class PreUpsamplingResolver(SuperResolver):
    """Scales meet in one batch at the size of their HR patches, as in VDSR's section 3.2."""

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
