"""FSRCNN, Accelerating the Super-Resolution Convolutional Neural Network (Dong et al. 2016, arXiv:1608.00367)."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from torch import Tensor, nn
from torch.nn import functional as F

from srlab.errors import SrlabError
from srlab.networks.network import SRNetwork, State, Traits

Slopes = Literal["channel", "layer"]
KERNEL = 9  # of the transposed convolution

# Where the centre of its kernel stands for LR pixel k: at HR pixel scale * k + offset. So in the authors' program; a
# trained network depends on it, and at x3 the middle of the three pixels is meant.
OFFSETS = {2: 0, 3: 1, 4: 0}


class FSRCNNNetwork(SRNetwork):
    """Figure 2: feature extraction, shrinking, mapping, expanding, and a transposed convolution; on luma, from LR.

    Borders are replicated before every convolution, as in the authors' program: zeros cost 0.3 to 0.6 dB of their
    networks.

    Args:
        scale: 2, 3 or 4.
        channels: 1 (luma) in the paper.
        features: d, of the extraction and the expansion: 56, or 32 in FSRCNN-s.
        shrunken: s, features of the mapping: 12, or 5 in FSRCNN-s.
        mapping: m, convolutions of the mapping: 4, or 1 in FSRCNN-s.
        slopes: of the PReLUs: one a channel, as in the paper (section 3.3), or one a layer, as in the weights that the
            authors released.

    Raises:
        SrlabError: for another scale.
    """

    tiny: ClassVar[Mapping[str, Any]] = {"features": 8, "shrunken": 4, "mapping": 2}
    unseen: ClassVar[tuple[str, ...]] = ("scale",)  # the kernel is the same at every scale

    def __init__(
        self,
        scale: int,
        channels: int = 1,
        features: int = 56,
        shrunken: int = 12,
        mapping: int = 4,
        slopes: Slopes = "channel",
    ) -> None:
        super().__init__()
        if scale not in OFFSETS:
            raise SrlabError(f"scale={scale}: FSRCNN has 2, 3 and 4, one at a time.")
        widths = [features, shrunken, *[shrunken] * mapping, features]
        kernels = [5, 1, *[3] * mapping, 1]
        layers: list[nn.Module] = []
        for inputs, outputs, kernel in zip([channels, *widths], widths, kernels, strict=False):
            layers += [_convolution(inputs, outputs, kernel), nn.PReLU(outputs if slopes == "channel" else 1)]
        self.features = nn.Sequential(*layers)
        padding, output_padding = _alignment(scale)
        self.deconvolution = nn.ConvTranspose2d(features, channels, KERNEL, scale, padding, output_padding)
        nn.init.normal_(self.deconvolution.weight, std=1e-3)  # section 4.1, as the biases
        assert self.deconvolution.bias is not None
        nn.init.zeros_(self.deconvolution.bias)
        # Two pixels for the first convolution, one for each of the mapping, two for the transposed one.
        self.traits = Traits((scale,), channels, receptive_field=mapping + 4, slow_layers=("deconvolution",))

    def forward(self, lr: Tensor, scale: int, condition: Tensor | None = None) -> Tensor:
        return self.deconvolution(F.pad(self.features(lr), (1, 1, 1, 1), mode="replicate"))

    @staticmethod
    def infer_arguments(state: State) -> dict[str, Any]:
        features, channels = state["features.0.weight"].shape[:2]
        return {
            "scale": 2,
            "channels": channels,
            "features": features,
            "shrunken": state["features.2.weight"].shape[0],
            "mapping": sum(weight.ndim == 4 for weight in state.values()) - 4,
            "slopes": "channel" if len(state["features.1.weight"]) > 1 else "layer",
        }


def _convolution(inputs: int, outputs: int, kernel: int) -> nn.Conv2d:
    """Initialised as PReLU asks (He et al. 2015, section 2.2)."""
    layer = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, padding_mode="replicate")
    nn.init.kaiming_normal_(layer.weight, a=0.25, nonlinearity="leaky_relu")
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer


def _alignment(scale: int) -> tuple[int, int]:
    """The transposed convolution's padding and output_padding, on features that were padded by one pixel on every side.

    LR pixel k is pixel k + 1 of those, so that the centre of its kernel would stand at scale * (k + 1) + 4; the padding
    cuts that down to scale * k + OFFSETS[scale], and output_padding leaves scale pixels for every LR pixel.
    """
    padding = scale + KERNEL // 2 - OFFSETS[scale]
    return padding, 2 * padding - KERNEL - scale
