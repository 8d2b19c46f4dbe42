"""ESPCN, the efficient sub-pixel convolutional neural network (Shi et al. 2016, arXiv:1609.05158)."""

import itertools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srlab.errors import SrlabError
from srlab.networks.layers import conv
from srlab.networks.network import SRNetwork, State, Traits, count

SCALES = (2, 3, 4, 8)


class ESPCNNetwork(SRNetwork):
    """Figure 1: convolutions on LR luma, of which the last one gives all pixels of the enlarged image, and a shuffle.

    Args:
        scale: 2, 3, 4 or 8.
        channels: 1 (luma) in the paper.
        kernels: sides of the convolutions' kernels, odd: [5, 3, 3] in the paper (section 3.2).
        widths: features after each convolution but the last: [64, 32] in the paper.

    Raises:
        SrlabError: for another scale; an even kernel, or not one kernel more than widths.
    """

    def __init__(
        self, scale: int, channels: int = 1, kernels: Sequence[int] = (5, 3, 3), widths: Sequence[int] = (64, 32)
    ) -> None:
        super().__init__()
        if scale not in SCALES:
            raise SrlabError(f"scale={scale}: ESPCN has 2, 3, 4 and 8, one at a time.")
        if len(kernels) != len(widths) + 1 or any(kernel % 2 == 0 for kernel in kernels):
            raise SrlabError(
                f"model.network: kernels={list(kernels)} and widths={list(widths)} do not fit; "
                f"expected odd kernels, one more than widths, such as [5,3,3] and [64,32]."
            )
        self.scale = scale
        sides = itertools.pairwise([channels, *widths, channels * scale**2])
        self.convolutions = nn.ModuleList(conv(a, b, kernel) for (a, b), kernel in zip(sides, kernels, strict=True))
        last = f"convolutions.{len(kernels) - 1}"  # section 3.2
        reach = sum(kernel // 2 for kernel in kernels)
        self.traits = Traits((scale,), channels, receptive_field=reach, slow_layers=(last,))

    def forward(self, lr: Tensor, scale: int, condition: Tensor | None = None) -> Tensor:
        x = lr
        for layer in self.convolutions[:-1]:
            x = torch.tanh(layer(x))  # better than ReLU in the paper's experiments (section 3.2)
        return F.pixel_shuffle(self.convolutions[-1](x), self.scale)

    @staticmethod
    def infer_arguments(state: State) -> dict[str, Any]:
        weights = [state[f"convolutions.{i}.weight"] for i in range(count(state, r"convolutions\.(\d+)\."))]
        channels = weights[0].shape[1]
        return {
            "scale": round((weights[-1].shape[0] / channels) ** 0.5),
            "channels": channels,
            "kernels": [weight.shape[2] for weight in weights],
            "widths": [weight.shape[0] for weight in weights[:-1]],
        }
