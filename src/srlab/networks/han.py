"""HAN, the holistic attention network (Niu et al. 2020, arXiv:2008.08767)."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from srlab.errors import SrlabError
from srlab.networks.layers import Upsampler, conv, infer_upsampler, precise, without_autocast
from srlab.networks.network import ShiftedConvolutions, SRNetwork, State, Traits, count
from srlab.networks.rcan import ResidualGroup, TrainedMeanShift


class HANNetwork(SRNetwork):
    """Figure 2: RCAN's groups, whose outputs attend to each other, and an attention over channels and positions.

    Head, body and tail have the keys of RCAN, so a training can start from its weights, as the authors' did. The mean
    shift is not trained, but keeps the values of the weights that a training starts from.

    Args:
        scale: 2, 3, 4 or 8.
        channels: 3 (RGB) in the paper, or 1 (luma).
        features: of every convolution.
        groups: RCAN's residual groups.
        blocks: blocks of a group.
        reduction: by how much the channel attention of a block narrows the features; it divides them.

    Raises:
        SrlabError: a reduction that does not divide the features.
    """

    tiny: ClassVar[Mapping[str, Any]] = {"features": 16, "groups": 2, "blocks": 2, "reduction": 2}

    def __init__(
        self,
        scale: int,
        channels: int = 3,
        features: int = 64,
        groups: int = 10,
        blocks: int = 20,
        reduction: int = 16,
    ) -> None:
        super().__init__()
        if features % reduction:
            raise SrlabError(f"model.network.reduction={reduction}: expected a divisor of features={features}.")
        self.mean_shift = TrainedMeanShift(channels).requires_grad_(False)
        self.head = conv(channels, features)
        self.body = nn.Sequential(
            *(ResidualGroup(features, blocks, reduction) for _ in range(groups)), conv(features, features)
        )
        self.layer_attention = LayerAttention()
        self.channel_spatial_attention = ChannelSpatialAttention()
        self.merge_layers = conv((groups + 1) * features, features)
        self.merge = conv(2 * features, features)
        self.tail = nn.Sequential(Upsampler(features, scale), conv(features, channels))
        # The attention of blocks and of layers looks at means and products over the whole image.
        self.traits = Traits((scale,), channels, receptive_field=None)

    def forward(self, lr: Tensor, scale: int, condition: Tensor | None = None) -> Tensor:
        shallow = self.head(self.mean_shift.subtract(lr))
        features, layers = shallow, list[Tensor]()
        for layer in self.body:
            features = layer(features)
            layers.insert(0, features)  # the newest first, as in the authors' program
        across = self.merge_layers(self.layer_attention(torch.stack(layers, dim=1)).flatten(1, 2))
        within = self.channel_spatial_attention(features)
        return self.mean_shift.add(self.tail(shallow + self.merge(torch.cat([within, across], dim=1))))

    def shifted_convolutions(self) -> ShiftedConvolutions:
        return ShiftedConvolutions("mean_shift", ("head",), ("tail.1",))

    @staticmethod
    def infer_arguments(state: State) -> dict[str, Any]:
        features, channels = state["head.weight"].shape[:2]
        return {
            "scale": infer_upsampler(state, "tail.0.", features)[0],
            "channels": channels,
            "features": features,
            "groups": count(state, r"body\.(\d+)\.body\."),
            "blocks": count(state, r"body\.0\.body\.(\d+)\.body\."),
            "reduction": features // max(1, len(state["body.0.body.0.attention.squeeze.weight"])),
        }


class LayerAttention(nn.Module):
    """Section 3.2 (LAM): every layer's features get a share of a weighted sum of all layers' features.

    The weights are a softmax of the largest product with any layer minus the product with each, so a layer attends most
    to those that are least like it. That is the authors' program; the paper has the softmax of the products. The share
    begins at 0.
    """

    def __init__(self) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(1))

    def forward(self, layers: Tensor) -> Tensor:
        """(N, layers, C, h, w) -> the same."""
        values = precise(layers).flatten(2)
        with without_autocast(layers.device):
            products = values @ values.mT
            weights = torch.softmax(products.amax(dim=2, keepdim=True) - products, dim=2)
            mixed = (weights @ values).reshape(layers.shape)
        return layers + (self.gamma * mixed).to(layers.dtype)


class ChannelSpatialAttention(nn.Module):
    """Section 3.3 (CSAM): scales every feature at every pixel by what a 3 x 3 x 3 neighbourhood says of it.

    The third dimension is that of the features. The factors are 1 + gamma * sigmoid(...), and gamma begins at 0.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv3d(1, 1, kernel_size=3, padding=1)
        self.gamma = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) -> the same."""
        weights = torch.sigmoid(self.conv(x[:, None])[:, 0])
        return x + x * (self.gamma * weights)
