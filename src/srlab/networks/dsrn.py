"""DSRN, Image Super-Resolution via Dual-State Recurrent Networks (Han et al. 2018, arXiv:1805.02704)."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srlab.errors import SrlabError
from srlab.imaging.resize import imresize
from srlab.networks.layers import conv
from srlab.networks.network import SRNetwork, State, Traits

SCALES = (2, 3, 4)


class DSRNNetwork(SRNetwork):
    """Section 3: a state of LR size and one of HR size, each of which feeds itself and the other one a step later.

    The weights are shared by all steps. Both states pass a ReLU before they are used. The mean of the HR
    states becomes an image by a 1 x 1 convolution, which is added to the bicubic enlargement.

    The authors' program does x2 only. For x3 and x4, the transposed convolution and the average pooling between the
    states have a side and a stride of the scale here, as they have there at x2.

    Args:
        scale: 2, 3 or 4.
        channels: 3 (RGB) in the authors' program, or 1 (luma).
        features: of both states: 128 in the paper.
        steps: T, of the LR state: 7 in the paper. The HR state exists from the second one on.

    Raises:
        SrlabError: another scale, or fewer than two steps.
    """

    tiny: ClassVar[Mapping[str, Any]] = {"features": 8, "steps": 4}
    unseen: ClassVar[tuple[str, ...]] = ("steps",)

    def __init__(self, scale: int, channels: int = 3, features: int = 128, steps: int = 7) -> None:
        super().__init__()
        if scale not in SCALES:
            raise SrlabError(f"scale={scale}: DSRN has 2, 3 and 4, one at a time.")
        if steps < 2:
            raise SrlabError(f"model.network.steps={steps}: expected 2 or more.")
        self.steps = steps
        half = max(1, features // 2)
        self.head = nn.Sequential(conv(channels, half), nn.ReLU(inplace=True), conv(half, features))
        self.low = _transition(features)
        self.high = _transition(features)
        self.up = nn.ConvTranspose2d(features, features, scale, stride=scale)
        self.down = nn.AvgPool2d(scale)
        self.tail = nn.Conv2d(features, channels, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                _initialise(module)
        # Two convolutions before the first LR state, and two in each of its steps but the last, which no HR state uses.
        # A step of the HR state reaches two HR pixels, so never as far. Bicubic reaches 2.
        self.traits = Traits((scale,), channels, receptive_field=2 + 2 * (steps - 2))

    def forward(self, lr: Tensor, scale: int, condition: Tensor | None = None) -> Tensor:
        low, high = F.relu(self.head(lr)), None
        total = torch.zeros((), device=lr.device)
        for step in range(1, self.steps):
            low, high = self._next(low, high, last=step == self.steps - 1)
            total = total + high
        return imresize(lr, scale) + self.tail(total / (self.steps - 1))

    def _next(self, low: Tensor, high: Tensor | None, last: bool) -> tuple[Tensor, Tensor]:
        """Takes both states, after their ReLU, one step on. After the last step the LR state is not needed."""
        raised = self.up(low)
        next_high = F.relu(raised if high is None else raised + high + self.high(high))
        if last:
            return low, next_high
        next_low = low + self.low(low)
        return F.relu(next_low if high is None else next_low + self.down(high)), next_high

    @staticmethod
    def infer_arguments(state: State) -> dict[str, Any]:
        features, _, scale, _ = state["up.weight"].shape
        return {"scale": scale, "channels": state["head.0.weight"].shape[1], "features": features}


def _transition(features: int) -> nn.Sequential:
    """What a state adds to itself from one step to the next."""
    return nn.Sequential(conv(features, features), nn.ReLU(inplace=True), conv(features, features))


def _initialise(layer: nn.Conv2d | nn.ConvTranspose2d) -> None:
    """Glorot and Bengio 2010, the default of the authors' program."""
    nn.init.xavier_uniform_(layer.weight)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
