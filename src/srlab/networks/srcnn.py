"""SRCNN, Image Super-Resolution Using Deep Convolutional Networks (Dong et al. 2014 and 2016, arXiv:1501.00092)."""

import itertools
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from srlab.errors import SrlabError
from srlab.imaging.resize import imresize
from srlab.networks.network import SRNetwork, State, Traits, count


class SRCNNNetwork(SRNetwork):
    """Figure 2: patch extraction, non-linear mapping and reconstruction, on the image enlarged by bicubic.

    Borders are replicated before every convolution, as in the authors' test program.

    Args:
        channels: 1 (luma) in the paper.
        kernels: sides of the convolutions' kernels, odd: [9, 5, 5] is SRCNN 9-5-5.
        widths: features after each convolution but the last.

    Raises:
        SrlabError: an even kernel, or not one kernel more than widths.
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
        last = f"convolutions.{len(kernels) - 1}"  # section 3.3
        # Bicubic interpolation sees 3 pixels more.
        self.traits = Traits(None, channels, receptive_field=self.reach + 3, slow_layers=(last,))

    def forward(self, lr: Tensor, scale: int, condition: Tensor | None = None) -> Tensor:
        x = imresize(lr, scale)
        for layer in self.convolutions[:-1]:
            x = F.relu(layer(x))
        return self.convolutions[-1](x)

    @staticmethod
    def infer_arguments(state: State) -> dict[str, Any]:
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
