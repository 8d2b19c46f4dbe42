"""SelfExSR, Single Image Super-Resolution from Transformed Self-Exemplars (Huang et al., CVPR 2015)."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from srlab.extras import require_extra
from srlab.networks.network import SRNetwork, Traits


class SelfExSRNetwork(SRNetwork):
    """Section 3: patches are sought in smaller copies of the same image, moved, scaled, turned and in perspective.

    It has no weights, and nothing of it is differentiable. It computes on the CPU with numba, in as many threads as
    PyTorch uses, wherever the image is. The result does not depend on their number. `srlab.classics.selfexsr` has the
    algorithm.

    Args:
        planes: whether to look for planes of the scene, and for patches in their perspective.
        iterations: of the search on the first level, 12 by the authors' program; each of the next has 3 fewer, down to
            3. Fewer are faster.
        seed: of the random search.

    Raises:
        SrlabError: numba is not installed.
    """

    tiny: ClassVar[Mapping[str, Any]] = {"iterations": 1}

    def __init__(self, planes: bool = True, iterations: int = 12, seed: int = 1) -> None:
        super().__init__()
        require_extra("classic", "model=selfexsr")
        self.planes, self.iterations, self.seed = planes, iterations, seed
        self.traits = Traits(scales=None, channels=1)

    def forward(self, lr: Tensor, scale: int, condition: Tensor | None = None) -> Tensor:
        if lr.is_meta:  # whoever counts convolutions: there are none
            return lr.new_empty(*lr.shape[:2], scale * lr.shape[2], scale * lr.shape[3])
        from srlab.classics.selfexsr.super_resolve import super_resolve  # noqa: PLC0415 - imports numba

        images = lr.detach().float().cpu().flatten(0, 1)
        with torch.autocast("cpu", enabled=False):
            results = [
                super_resolve(image[None, None], scale, self.planes, self.iterations, self.seed) for image in images
            ]
        return torch.cat(results, dim=1).reshape(*lr.shape[:2], scale * lr.shape[2], scale * lr.shape[3]).to(lr)
