"""ProSR, A Fully Progressive Approach to Single-Image Super-Resolution (Wang et al. 2018, arXiv:1804.02900)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srlab.errors import SrlabError, nearest
from srlab.imaging.resize import imresize
from srlab.networks.layers import DIV2K_MEAN, MeanShift
from srlab.networks.network import SRNetwork, State, Traits, count

Block = Literal["residual", "dense"]
BLOCKS = ("residual", "dense")
VALUE_RANGE = 1 / 0.0039215  # about 255: the authors' program divides images by 0.0039215 after subtracting their mean


class ProSRNetwork(SRNetwork):
    """Section 3: a pyramid whose level l enlarges to x2^l; an LR image passes as many levels as its scale needs.

    It is asymmetric: the lower levels, which see small images, have most of the layers (section 3). Each scale has
    an input convolution of its own; what comes out of the last level is added to the bicubic enlargement. All 3 x 3
    convolutions see the image's border reflected, or replicated where a side is a single pixel.

    Args:
        blocks: dense compression units of each level, from x2 on: (9, 3, 1) does x2, x4 and x8, (9, 3) x2 and x4.
        layers: of each unit.
        channels: 3 (RGB) in the paper, or 1 (luma).
        features: of the input convolutions.
        growth: features that each layer adds.
        bottleneck: a layer's 1 x 1 convolution has so many times `growth` features.
        block: what a unit does with what its layers have added.
            residual: compresses it to the unit's input width and adds it to its input (ProSR).
            dense: compresses it to `block_compression` of its width, but not at the end of a level (ProSRs).
        residual_scale: of block=residual: factor of what a unit adds.
        block_compression: of block=dense.
        level_compression: of block=dense: what remains of the features from one level to the next.

    Raises:
        SrlabError: no level, a level without units, or another block.
    """

    tiny: ClassVar[Mapping[str, Any]] = {"blocks": [2, 1, 1], "layers": 2, "features": 8, "growth": 4, "bottleneck": 2}
    unseen: ClassVar[tuple[str, ...]] = ("residual_scale", "block_compression", "level_compression")

    def __init__(
        self,
        blocks: Sequence[int] = (9, 3, 1),
        layers: int = 8,
        channels: int = 3,
        features: int = 160,
        growth: int = 40,
        bottleneck: int = 4,
        block: Block = "residual",
        residual_scale: float = 0.2,
        block_compression: float = 0.4,
        level_compression: float = 0.5,
    ) -> None:
        super().__init__()
        if block not in BLOCKS:
            raise SrlabError(
                f"model.network.block={block}: expected {' or '.join(BLOCKS)}.{nearest(str(block), BLOCKS)}"
            )
        if not blocks or min(blocks) < 1:
            raise SrlabError(f"model.network.blocks={list(blocks)}: expected units for each level, such as [9,3,1].")
        scales = tuple(2 ** (level + 1) for level in range(len(blocks)))
        self.mean = MeanShift(DIV2K_MEAN, channels, VALUE_RANGE)
        self.heads = nn.ModuleDict({f"x{scale}": ReflectedConvolution(channels, features) for scale in scales})
        self.levels = nn.ModuleList()
        width = features
        for index, units in enumerate(blocks):
            share = level_compression if block == "dense" else 1.0
            entry = width if index == 0 else int(share * width)
            if block == "residual":
                made = [DenseUnit(entry, layers, growth, bottleneck, entry, residual_scale) for _ in range(units)]
            else:
                made = _chain(entry, units, layers, growth, bottleneck, block_compression)
            self.levels.append(Level(None if index == 0 else width, made, block == "residual", channels))
            width = made[-1].outputs
        for module in self.modules():
            if isinstance(module, nn.Conv2d) and module.bias is not None:
                nn.init.zeros_(module.bias)  # as in the authors' program
        self.traits = Traits(scales, channels, receptive_field=_reach(blocks, layers))

    def forward(self, lr: Tensor, scale: int, condition: Tensor | None = None) -> Tensor:
        return self.blended(lr, scale, 1.0)

    def blended(self, lr: Tensor, scale: int, share: float) -> Tensor:
        """Super-resolves while the last level of a scale is being blended in (section 3).

        Args:
            lr: (N, C, h, w) in [0, 1].
            scale: one of the traits' scales.
            share: of the last level in the result, 0..1; the rest is the image of the level before, enlarged. At 1,
                what `forward` gives. x2 has no level before, and is always at 1.

        Returns:
            (N, C, scale * h, scale * w), not clamped.
        """
        residual = self.residual(self.mean.subtract(lr), scale, share)
        return imresize(lr, scale) + residual / self.mean.value_range

    def residual(self, image: Tensor, scale: int, share: float = 1.0) -> Tensor:
        """Returns what is added to the bicubic enlargement; image and result are in the range of `MeanShift`."""
        levels: list[Any] = list(self.levels)[: scale.bit_length() - 1]
        features = self.heads[f"x{scale}"](image)
        for level in levels[:-1]:
            features = level(features)
        own = levels[-1].image(levels[-1](features))
        if share >= 1 or len(levels) == 1:
            return own
        before = F.interpolate(levels[-2].image(features), scale_factor=2, mode="bilinear", align_corners=False)
        return torch.lerp(before, own, share)

    @staticmethod
    def infer_arguments(state: State) -> dict[str, Any]:
        features, channels = state["heads.x2.weight"].shape[:2]
        growth = len(state["levels.0.blocks.0.layers.0.expand.weight"])
        levels = range(count(state, r"levels\.(\d+)\."))
        arguments = {
            "blocks": [count(state, rf"levels\.{level}\.blocks\.(\d+)\.") for level in levels],
            "layers": count(state, r"levels\.0\.blocks\.0\.layers\.(\d+)\."),
            "channels": channels,
            "features": features,
            "growth": growth,
            "bottleneck": len(state["levels.0.blocks.0.layers.0.squeeze.weight"]) // growth,
            "block": "residual" if has_residual_units(state) else "dense",
        }
        if arguments["block"] == "residual":
            return arguments
        inner = [state[key] for key in state if ".blocks." in key and key.endswith("compression.weight")]
        between = [state[key] for key in state if ".blocks." not in key and key.endswith("compression.weight")]
        shares = {"block_compression": _share(inner), "level_compression": _share(between)}
        return {**arguments, **{name: share for name, share in shares.items() if share is not None}}


class ReflectedConvolution(nn.Conv2d):
    """A 3 x 3 convolution that reflects the border; where a side is one pixel, it replicates it."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 3)

    def forward(self, x: Tensor) -> Tensor:
        mode = "reflect" if min(x.shape[-2:]) > 1 else "replicate"
        return super().forward(F.pad(x, (1, 1, 1, 1), mode=mode))


class DenseLayer(nn.Module):
    """(N, inputs, h, w) -> (N, inputs + growth, h, w): 1 x 1 convolution, ReLU, 3 x 3 convolution; input first."""

    def __init__(self, inputs: int, growth: int, bottleneck: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, bottleneck * growth, 1)
        self.expand = ReflectedConvolution(bottleneck * growth, growth)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.expand(F.relu(self.squeeze(x)))], dim=1)


class DenseUnit(nn.Module):
    """Dense compression unit (section 3): dense layers, and a 1 x 1 convolution without bias.

    Args:
        inputs: features.
        layers: number of dense layers.
        growth: see `DenseLayer`.
        bottleneck: see `DenseLayer`.
        compressed: features of the result; None: all, without the 1 x 1 convolution.
        residual_scale: None for no skip connection, else the factor of what is added to the input.
    """

    def __init__(
        self,
        inputs: int,
        layers: int,
        growth: int,
        bottleneck: int,
        compressed: int | None,
        residual_scale: float | None = None,
    ) -> None:
        super().__init__()
        self.layers = nn.Sequential(*(DenseLayer(inputs + i * growth, growth, bottleneck) for i in range(layers)))
        self.inputs, full = inputs, inputs + layers * growth
        self.compression = None if compressed is None else nn.Conv2d(full, compressed, 1, bias=False)
        self.outputs = full if compressed is None else compressed
        self.residual_scale = residual_scale

    def forward(self, x: Tensor) -> Tensor:
        y = self.layers(x)
        if self.compression is not None:
            y = self.compression(y)
        return y if self.residual_scale is None else torch.add(x, y, alpha=self.residual_scale)


class Level(nn.Module):
    """A level of the pyramid: (N, C, h, w) -> features (N, C', 2h, 2w), of which `image` makes an image.

    Args:
        before: features of the level below, which are compressed to those of the first unit; None for the first level.
        blocks: its units.
        skip: whether the input is added before the enlargement.
        channels: of images.
    """

    def __init__(self, before: int | None, blocks: Sequence[DenseUnit], skip: bool, channels: int) -> None:
        super().__init__()
        self.compression = None if before is None else nn.Conv2d(before, blocks[0].inputs, 1, bias=False)
        self.blocks = nn.Sequential(*blocks)
        width = blocks[-1].outputs
        self.conv = ReflectedConvolution(width, width)
        self.upsample = ReflectedConvolution(width, 4 * width)
        self.image = ReflectedConvolution(width, channels)
        self.skip = skip

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(self.blocks(x if self.compression is None else self.compression(x)))
        return F.relu(F.pixel_shuffle(self.upsample(x + y if self.skip else y), 2))


def _chain(inputs: int, units: int, layers: int, growth: int, bottleneck: int, share: float) -> list[DenseUnit]:
    """Makes the units of a level of block=dense: each but the last compresses its features to a share of them."""
    made: list[DenseUnit] = []
    for index in range(units):
        kept = None if index == units - 1 else int(share * (inputs + layers * growth))
        made.append(DenseUnit(inputs, layers, growth, bottleneck, kept))
        inputs = made[-1].outputs
    return made


def _reach(blocks: Sequence[int], layers: int) -> int:
    """Returns how far an output pixel of the largest scale sees, in LR pixels; smaller scales see less far."""
    reach = 1  # the convolution that makes the image
    for units in reversed(blocks):
        reach = -(-reach // 2) + units * layers + 2  # pixel shuffle; the units, and the two convolutions after them
    return reach + 1


def has_residual_units(state: State) -> bool:
    """Tells from a state dict of ours whether block=residual: only then does a level's last unit compress."""
    last = count(state, r"levels\.0\.blocks\.(\d+)\.") - 1
    return f"levels.0.blocks.{last}.compression.weight" in state


def _share(compressions: Iterable[Tensor]) -> float | None:
    """Returns the roundest share that gives the widths of all these 1 x 1 convolutions; None where there are none.

    Raises:
        LookupError: no share of up to three decimals does.
    """
    widths = [(weight.shape[1], weight.shape[0]) for weight in compressions]
    if not widths:
        return None
    shares = (part / parts for parts in (10, 20, 100, 1000) for part in range(1, parts + 1))
    found = next((share for share in shares if all(int(share * full) == kept for full, kept in widths)), None)
    if found is None:
        raise LookupError("compression")
    return found
