"""Style loss, also called texture loss: the distance between Gram matrices, the correlations of feature channels."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from srlab.errors import SrlabError
from srlab.losses.features import Weights, check_layers, vgg_features
from srlab.losses.term import LossTerm


class StyleLoss(LossTerm):
    """Mean squared error of Gram matrices, averaged over layers (Gatys et al. 2016, equations 3 to 5, CVPR).

    Features are taken after their ReLU, and a Gram matrix is of the whole patch.

    Args:
        layers: of VGG19, conv1_1 ... conv5_4. The default is EnhanceNet's (Sajjadi et al. 2017, section 4.2.3,
            arXiv:1612.07919).
        weights: a backbone's name -> its source, as for `backbone_state`.

    Raises:
        SrlabError: another layer, or weights that cannot be read or downloaded.
    """

    def __init__(
        self, layers: Sequence[str] = ("conv1_1", "conv2_1", "conv3_1"), *, weights: Weights | None = None
    ) -> None:
        super().__init__()
        self.check(layers)
        self.features = vgg_features("vgg19", layers, True, weights)

    @classmethod
    def check(cls, layers: Sequence[str]) -> None:
        if isinstance(layers, str) or not layers:
            raise SrlabError(f"loss.style.layers={layers}: expected a list, such as [conv1_1,conv2_1].")
        check_layers("style", "vgg19", layers)

    @classmethod
    def backbone(cls, **options: Any) -> str:
        return "vgg19"

    def forward(self, sr: Tensor, target: Tensor, lr: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = [gram_matrix(features) for features in self.features(target)]
        found = [gram_matrix(features) for features in self.features(sr)]
        return torch.stack([F.mse_loss(*pair) for pair in zip(found, wanted, strict=True)]).mean()


def gram_matrix(features: Tensor) -> Tensor:
    """Returns the products of all pairs of channels, summed over pixels and divided by C*H*W.

    Args:
        features: (N, C, H, W). Those in half precision are converted to float32, since the sums would overflow.

    Returns:
        (N, C, C).
    """
    with torch.autocast(features.device.type, enabled=False):
        rows = features.flatten(2)
        rows = rows.float() if rows.dtype in (torch.float16, torch.bfloat16) else rows
        return rows @ rows.mT / rows[0].numel()
