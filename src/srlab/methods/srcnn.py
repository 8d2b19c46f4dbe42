"""SRCNN, Image Super-Resolution Using Deep Convolutional Networks (Dong et al. 2014 and 2016, arXiv:1501.00092)."""

import itertools
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from srlab.data.batch import Batch
from srlab.data.patches import PatchShape
from srlab.data.resize import imresize
from srlab.errors import SrlabError
from srlab.methods.base import Prediction
from srlab.methods.enlarged import EnlargingResolver
from srlab.methods.network import SRNetwork, State, Traits, count


class SRCNNNetwork(SRNetwork):
    """Figure 2: patch extraction, non-linear mapping and reconstruction, on the image enlarged by bicubic.

    kernels: such as [9, 5, 5]. widths: of the layers between them. Borders are replicated, as in the authors' tests.
    Raises SrlabError where the two lists do not fit each other.
    """

    def __init__(self, channels: int = 1, kernels: Sequence[int] = (9, 5, 5), widths: Sequence[int] = (64, 32)) -> None:
        super().__init__()
        if len(kernels) != len(widths) + 1 or any(kernel % 2 == 0 for kernel in kernels):
            raise SrlabError(
                f"model.network: kernels={list(kernels)} and widths={list(widths)} do not fit; "
                f"expected odd kernels, one more than widths, such as [9,5,5] and [64,32]."
            )
        sides = itertools.pairwise([channels, *widths, channels])
        self.convolutions = nn.ModuleList(_layer(a, b, kernel) for (a, b), kernel in zip(sides, kernels, strict=True))
        self.reach = sum(kernel // 2 for kernel in kernels)  # in pixels of the enlarged image
        self.traits = Traits(scales=None, channels=channels, receptive_field=self.reach + 3)  # bicubic adds 3

    def forward(self, lr: Tensor, scale: int, condition: Tensor | None = None) -> Tensor:
        x = imresize(lr, scale)
        for layer in self.convolutions[:-1]:
            x = F.relu(layer(x))
        return self.convolutions[-1](x)

    @staticmethod
    def arguments_shown(state: State) -> dict[str, Any]:
        weights = [state[f"convolutions.{i}.weight"] for i in range(count(state, r"convolutions\.(\d+)\."))]
        widths = [weight.shape[0] for weight in weights[:-1]]
        return {"channels": weights[0].shape[1], "kernels": [weight.shape[2] for weight in weights], "widths": widths}


def _layer(inputs: int, outputs: int, kernel: int) -> nn.Conv2d:
    """Initialised as in section 3.3: normal with a deviation of 0.001, biases 0."""
    layer = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, padding_mode="replicate")
    nn.init.normal_(layer.weight, std=1e-3)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer


class SRCNN(EnlargingResolver):
    """Squared error on the part of a patch that no border has touched (section 3.3: 33 x 33 -> 17 x 17 for 9-5-5)."""

    key = "srcnn"
    Network = SRCNNNetwork
    network: SRCNNNetwork

    @classmethod
    def check_patches(cls, network: SRNetwork, shape: PatchShape, scales: Sequence[int], scale_per: str) -> None:
        super().check_patches(network, shape, scales, scale_per)
        assert isinstance(network, SRCNNNetwork)
        least = min(shape.hr_side(scale) for scale in scales)
        if least <= 2 * network.reach:
            key = "data.patch_size" if shape.hr is None else "data.hr_patch_size"
            raise SrlabError(
                f"{key}: HR patches of {least}x{least} have nothing within the {network.reach} pixels of border that "
                f"are not compared. Set it higher."
            )

    def predictions(self, batch: Batch) -> list[Prediction]:
        reach, (height, width) = self.network.reach, batch.hr.shape[2:]
        inner = (..., slice(reach, height - reach), slice(reach, width - reach))
        return [(self.network(batch.lr, batch.scale)[inner], batch.hr[inner], 1.0)]

    def parameter_groups(self, learning_rate: float) -> list[dict[str, Any]]:
        """The last layer learns at a tenth of the rate (section 3.3)."""
        *first, last = self.network.convolutions
        return [
            {"params": [p for layer in first for p in layer.parameters()]},
            {"params": list(last.parameters()), "lr": learning_rate / 10},
        ]
