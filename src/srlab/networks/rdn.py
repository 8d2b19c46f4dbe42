"""RDN, the residual dense network (Zhang et al. 2018, arXiv:1802.08797)."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from srlab.errors import SrlabError
from srlab.networks.layers import UPSAMPLER_STEPS, MeanShift, conv
from srlab.networks.network import ShiftedConvolutions, SRNetwork, State, Traits, count

VALUE_RANGE = 255.0  # what 1 becomes inside the network


class RDNNetwork(SRNetwork):
    """Figure 2: residual dense blocks, the fusion of what all of them give, and an upsampler at the end.

    Convolutions start as PyTorch initialises them.

    Args:
        scale: 2, 3 or 4 in the paper, or 8.
        channels: 3 (RGB) in the paper, or 1 (luma).
        features: of the input and the output of every block (G0).
        blocks: residual dense blocks (D).
        layers: convolutions of a block (C).
        growth: features that each of them adds (G). The upsampler has as many, as in EDSR-PyTorch's network.
        subtract_mean: whether the network starts with the mean of DIV2K, which the authors' program subtracts, or with
            0, as EDSR-PyTorch's. Weights bring their own.

    Raises:
        SrlabError: another scale.
    """

    tiny: ClassVar[Mapping[str, Any]] = {"features": 8, "blocks": 2, "layers": 3, "growth": 6}
    unseen: ClassVar[tuple[str, ...]] = ("subtract_mean",)

    def __init__(
        self,
        scale: int,
        channels: int = 3,
        features: int = 64,
        blocks: int = 16,
        layers: int = 8,
        growth: int = 64,
        subtract_mean: bool = True,
    ) -> None:
        super().__init__()
        if scale not in UPSAMPLER_STEPS:
            raise SrlabError(f"scale={scale}: RDN has 2, 3, 4 and 8, one at a time.")
        self.mean = MeanShift(channels=channels, value_range=VALUE_RANGE)
        if not subtract_mean:
            self.mean.mean.zero_()
        self.shallow = nn.ModuleList([conv(channels, features), conv(features, features)])
        self.blocks = nn.ModuleList(ResidualDenseBlock(features, layers, growth) for _ in range(blocks))
        self.fusion = nn.Sequential(conv(blocks * features, features, kernel=1), conv(features, features))
        self.tail = _tail(features, growth, channels, scale)
        # A pixel for each convolution of 3 x 3; the upsampler and the last convolution see at most 2 together.
        self.traits = Traits((scale,), channels, receptive_field=blocks * layers + 5)

    def forward(self, lr: Tensor, scale: int, condition: Tensor | None = None) -> Tensor:
        first = self.shallow[0](self.mean.subtract(lr))
        x = self.shallow[1](first)
        outputs = []
        for block in self.blocks:
            x = block(x)
            outputs.append(x)
        return self.mean.add(self.tail(first + self.fusion(torch.cat(outputs, dim=1))))

    def shifted_convolutions(self) -> ShiftedConvolutions:
        return ShiftedConvolutions("mean", ("shallow.0",), (f"tail.{len(self.tail) - 1}",))

    @staticmethod
    def infer_arguments(state: State) -> dict[str, Any]:
        features, channels = state["shallow.0.weight"].shape[:2]
        growth = len(state["blocks.0.convolutions.0.weight"])
        steps = count(state, r"tail\.(\d+)\.") - 1
        thrice = steps == 1 and len(state["tail.0.weight"]) == 9 * growth
        return {
            "scale": 3 if thrice else 2**steps,
            "channels": channels,
            "features": features,
            "blocks": count(state, r"blocks\.(\d+)\."),
            "layers": count(state, r"blocks\.0\.convolutions\.(\d+)\."),
            "growth": growth,
        }


class ResidualDenseBlock(nn.Module):
    """Section 3.2, figure 3: every convolution sees all that came before it; local feature fusion, and a sum.

    Args:
        features: of the input and the output.
        layers: convolutions.
        growth: features that each of them adds.
    """

    def __init__(self, features: int, layers: int, growth: int) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(conv(features + i * growth, growth) for i in range(layers))
        self.fusion = conv(features + layers * growth, features, kernel=1)

    def forward(self, x: Tensor) -> Tensor:
        together = x
        for convolution in self.convolutions:
            together = torch.cat([together, torch.relu(convolution(together))], dim=1)
        return x + self.fusion(together)


def _tail(features: int, growth: int, channels: int, scale: int) -> nn.Sequential:
    """Sub-pixel steps of 2 or 3 without activations, and the last convolution (section 3.1)."""
    layers: list[nn.Module] = []
    for step in UPSAMPLER_STEPS[scale]:
        layers += [conv(features, growth * step**2), nn.PixelShuffle(step)]
        features = growth
    return nn.Sequential(*layers, conv(features, channels))
