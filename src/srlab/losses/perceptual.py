"""Perceptual loss, which SRGAN calls content loss: the distance between features of a classification network."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from srlab.errors import SrlabError
from srlab.losses.features import Weights, check_layers, resnet50_features, vgg_features
from srlab.losses.term import LossTerm


class PerceptualLoss(LossTerm):
    """Mean squared error of features (SRGAN, section 2.2.1, equation 5, arXiv:1609.04802).

    Args:
        network: vgg19, vgg16 or resnet50.
        layer: convI_J of VGG, the J-th convolution before the I-th pooling (the paper's phi_I,J), or layer1 ...
            layer4 of ResNet-50.
        after_relu: True for features after the activation, as in SRGAN; False for those before it, as in ESRGAN
            (section 3.3, arXiv:1809.00219). Only VGG has both: ResNet-50's stages end in their ReLU.
        feature_scale: factor on the features, so the loss is multiplied by its square. SRGAN's 1/12.75 brings
            VGG19's features to the range of a pixel MSE.
        weights: a backbone's name -> its source, as for `backbone_state`.

    Raises:
        SrlabError: another network or layer, or weights that cannot be read or downloaded.
    """

    def __init__(
        self,
        network: str = "vgg19",
        layer: str = "conv5_4",
        after_relu: bool = True,
        feature_scale: float = 1 / 12.75,
        *,
        weights: Weights | None = None,
    ) -> None:
        super().__init__()
        self.check(network, layer, after_relu, feature_scale)
        self.feature_scale = feature_scale
        self.features = (
            resnet50_features(layer, weights)
            if network == "resnet50"
            else vgg_features(network, [layer], after_relu, weights)
        )

    @classmethod
    def check(cls, network: str, layer: str, after_relu: bool, feature_scale: float) -> None:
        check_layers("perceptual", network, [layer])
        if not isinstance(feature_scale, (int, float)) or not feature_scale > 0:
            raise SrlabError(f"loss.perceptual.feature_scale={feature_scale}: expected a number above 0.")
        if not isinstance(after_relu, bool):
            raise SrlabError(f"loss.perceptual.after_relu={after_relu}: expected true or false.")
        if network == "resnet50" and not after_relu:
            raise SrlabError(
                "loss.perceptual.after_relu=false: only for vgg19 and vgg16; the stages of resnet50 end in "
                "their ReLU. Use network=vgg19, or after_relu=true."
            )

    @classmethod
    def backbone(cls, network: str = "vgg19", **options: Any) -> str:
        return network

    def forward(self, sr: Tensor, target: Tensor, lr: Tensor) -> Tensor:
        with torch.no_grad():
            [wanted] = self.features(target)
        [found] = self.features(sr)
        return F.mse_loss(self.feature_scale * found, self.feature_scale * wanted)
