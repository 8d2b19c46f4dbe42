"""The one way from a low-resolution image to a high-resolution one, for training, evaluation and every tool."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Literal, Protocol

import torch
from torch import Tensor, nn

from srlab.errors import NotFiniteError, SrlabError
from srlab.imaging.color import rgb_to_ycbcr, ycbcr_to_rgb
from srlab.imaging.resize import imresize
from srlab.inference.image_precision import ImagePrecision
from srlab.inference.self_ensemble import ensembled
from srlab.inference.tile_check import checked
from srlab.inference.tile_plan import BLIND_OVERLAP
from srlab.inference.tiling import padded, tiled
from srlab.networks.network import SRNetwork, Traits

Precision = Literal["32", "bf16", "16", "inherit"]


class Forward(Protocol):
    """What computes in a network's place, such as ONNX Runtime."""

    def __call__(self, lr: Tensor, scale: int) -> Tensor:
        """(N, the network's channels, h, w) in [0, 1] -> (N, the same, scale * h, scale * w), not clamped."""
        ...


def upscale(
    network: SRNetwork,
    lr: Tensor,
    scale: int,
    condition: Tensor | None = None,
    tile: int | None = None,
    ensemble: bool = False,
    precision: Precision = "32",
    label: str = "the network",
    engine: Forward | None = None,
) -> Tensor:
    """Super-resolves a batch of images.

    A luma network takes Y of an RGB image, whose Cb and Cr are enlarged by bicubic. An RGB network sees one channel
    replicated, and its answer is averaged back.

    Args:
        network: any network with traits; used in eval mode.
        lr: (N, 1 or 3, h, w), float, in [0, 1].
        scale: one of the network's scales.
        condition: (N, the traits' condition_length), what a degradation-conditioned network needs beside the image.
        tile: side of the tiles in LR pixels, for images that do not fit into memory at once; None processes whole
            images. Tiles overlap by the receptive field, so the result does not depend on their size; where the network
            sees everywhere it does, and a warning says so once where that can be more than 0.01 dB.
        ensemble: averages over the 8 flips and rotations (EDSR, section 3.4), where that changes anything.
        precision: of the network's arithmetic; "inherit" leaves the caller's autocast as it is. Convolutions that see
            or make an image are in float32 all the same.
        label: what the network is called in messages.
        engine: what computes in place of the network, whose traits hold for it; None: the network itself.

    Returns:
        (N, the same channels, scale * h, scale * w), float32 in [0, 1], not rounded.

    Raises:
        SrlabError: the network lacks this scale, the condition is not the one that it needs, or the result is not
            finite.
    """
    scales = network.traits.scales
    if scales is not None and scale not in scales:
        has = ", ".join(f"x{s}" for s in scales)
        raise SrlabError(f"scale={scale}: {label} was built for {has}. Choose that, or another checkpoint.")
    _check_condition(network.traits, condition, len(lr), label)
    with torch.inference_mode(), _autocast(precision, lr.device), _evaluating(network):
        forward = _forward(network, scale, condition, tile, ensemble, label, engine)
        sr = _in_its_colours(forward, lr, scale, network.traits.channels)
        if not sr.isfinite().all():
            raise NotFiniteError(f"{label}: the result is not finite: damaged weights, or training diverged.")
        return sr.clamp(0, 1)


def _check_condition(traits: Traits, condition: Tensor | None, samples: int, label: str) -> None:
    """Raises SrlabError where a network that needs a condition has none, or one of another shape."""
    if traits.condition_length is None:
        return
    given = None if condition is None else tuple(condition.shape)
    if given != (samples, traits.condition_length):
        found = "none" if given is None else f"one of shape {given}"
        raise SrlabError(
            f"condition: {label} needs {traits.condition_length} values for each of {samples} images and got {found}. "
            f"Choose a degradation that gives them."
        )


def describe_input(traits: Traits, channels: int) -> str:
    """Says what a network saw of an image of so many channels; or '' where that is the image itself."""
    if traits.channels == 1 and channels == 3:
        return "Y by the method, Cb and Cr bicubic"
    if traits.channels == 3 and channels == 1:
        return "one channel replicated to RGB"
    return ""


def _autocast(precision: Precision, device: torch.device) -> AbstractContextManager:
    if precision == "inherit":
        return nullcontext()
    dtype = {"32": torch.float32, "bf16": torch.bfloat16, "16": torch.float16}[precision]
    return torch.autocast(device.type, dtype=dtype, enabled=precision != "32")


@contextmanager
def _evaluating(network: nn.Module) -> Iterator[None]:
    """BatchNorm by its running statistics, whatever mode the caller's network is in."""
    training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(training)


def _forward(
    network: SRNetwork,
    scale: int,
    condition: Tensor | None,
    tile: int | None,
    ensemble: bool,
    label: str,
    engine: Forward | None,
) -> Callable[[Tensor], Tensor]:
    """The network, in the layers that were asked for: size, tiles, ensemble."""
    if not ensemble or network.traits.equivariant:
        return _forward_once(network, scale, condition, tile, label, engine)

    def oriented(lr: Tensor, symmetries: Sequence[int]) -> Tensor:
        told = None
        if condition is not None:
            told = torch.cat([network.turned_condition(condition, symmetry) for symmetry in symmetries])
        return _forward_once(network, scale, told, tile, label, engine)(lr)

    return ensembled(oriented)


def _forward_once(
    network: SRNetwork, scale: int, condition: Tensor | None, tile: int | None, label: str, engine: Forward | None
) -> Callable[[Tensor], Tensor]:
    traits = network.traits

    def plain(lr: Tensor) -> Tensor:
        if engine is not None:
            return engine(lr, scale).float()
        with ImagePrecision(lr.shape[1], scale):
            return network(lr, scale, condition).float()

    forward = padded(plain, scale, traits.size_multiple)
    if tile is None:
        return forward
    # Padding looks at a tile's own size, so tiles that start on multiples keep to the whole image's grid.
    multiple = traits.size_multiple
    side = -(-tile // multiple) * multiple
    if traits.receptive_field is None:
        return checked(forward, scale, side, -(-BLIND_OVERLAP // multiple) * multiple, label)
    return tiled(forward, scale, side, -(-traits.receptive_field // multiple) * multiple)


def _in_its_colours(forward: Callable[[Tensor], Tensor], lr: Tensor, scale: int, channels: int | None) -> Tensor:
    if channels is None or channels == lr.shape[1]:
        return forward(lr)
    if channels == 1:
        ycbcr = rgb_to_ycbcr(lr)
        y, chroma = forward(ycbcr[:, :1]), imresize(ycbcr[:, 1:], scale)
        return ycbcr_to_rgb(torch.cat([y, chroma], dim=1))
    return forward(lr.expand(-1, 3, -1, -1)).mean(dim=1, keepdim=True)
