"""SRCNN, Image Super-Resolution Using Deep Convolutional Networks (Dong et al. 2014 and 2016, arXiv:1501.00092)."""

import itertools
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from torch import Tensor, nn
from torch.nn import functional as F

from srlab.errors import SrlabError, nearest
from srlab.imaging.resize import imresize
from srlab.networks.network import SRNetwork, State, Traits, count

Initialization = Literal["normal", "he"]
INITIALIZATIONS = ("normal", "he")


class SRCNNNetwork(SRNetwork):
    """Figure 2: patch extraction, non-linear mapping and reconstruction, on the image enlarged by bicubic.

    Borders are replicated before every convolution, as in the authors' test program.

    Args:
        channels: 1 (luma) in the paper.
        kernels: sides of the convolutions' kernels, odd: [9, 5, 5] is SRCNN 9-5-5.
        widths: features after each convolution but the last.
        initialization: of the weights: normal, with a deviation of 0.001, as in the paper (section 3.3), from which
            hundreds of steps pass before the network has learned to copy its input; or he (He et al. 2015,
            arXiv:1502.01852), from which short trainings get going.

    Raises:
        SrlabError: an even kernel, not one kernel more than widths, or another initialization.
    """

    unseen: ClassVar[tuple[str, ...]] = ("initialization",)

    def __init__(
        self,
        channels: int = 1,
        kernels: Sequence[int] = (9, 5, 5),
        widths: Sequence[int] = (64, 32),
        initialization: Initialization = "normal",
    ) -> None:
        super().__init__()
        if initialization not in INITIALIZATIONS:
            hint = nearest(str(initialization), INITIALIZATIONS)
            raise SrlabError(f"model.network.initialization={initialization}: expected normal or he.{hint}")
        if len(kernels) != len(widths) + 1 or any(kernel % 2 == 0 for kernel in kernels):
            raise SrlabError(
                f"model.network: kernels={list(kernels)} and widths={list(widths)} do not fit; "
                f"expected odd kernels, one more than widths, such as [9,5,5] and [64,32]."
            )
        sides = itertools.pairwise([channels, *widths, channels])
        self.convolutions = nn.ModuleList(
            _layer(a, b, kernel, initialization) for (a, b), kernel in zip(sides, kernels, strict=True)
        )
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


def _layer(inputs: int, outputs: int, kernel: int, initialization: Initialization) -> nn.Conv2d:
    layer = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, padding_mode="replicate")
    if initialization == "normal":
        nn.init.normal_(layer.weight, std=1e-3)
    else:
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer
