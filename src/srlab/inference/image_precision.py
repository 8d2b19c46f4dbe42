"""Convolutions from and to images in float32, whatever autocast says.

bf16 has 8 bits of precision, as few as an image has. What most networks add to an image bears that. But an image that
is rounded to 8 bits before the network sees it, and once more after its last convolution, can lose up to 0.1 dB.
These convolutions have few multiplications.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from srlab.networks.layers import precise, without_autocast


class ImagePrecision(TorchFunctionMode):
    """A context in which convolutions that see or make an image compute in at least float32.

    They are known by their numbers of channels: those of the image, or, for a pixel shuffle, scale^2 times as many of
    the output. Where nothing computes in less than float32, nothing changes.

    Args:
        channels: of the images that the network sees.
        scale: by which it enlarges.
    """

    def __init__(self, channels: int, scale: int) -> None:
        super().__init__()
        self.inputs, self.outputs = {channels}, {channels, channels * scale**2}

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func in (torch.conv2d, torch.conv_transpose2d) and self._of_images(func, *args[:2]):
            x, weight, *others = args
            with without_autocast(x.device):
                return func(precise(x), weight, *others, **(kwargs or {}))
        return func(*args, **(kwargs or {}))

    def _of_images(self, func: Callable[..., Any], x: torch.Tensor, weight: torch.Tensor) -> bool:
        outputs = weight.shape[1 if func is torch.conv_transpose2d else 0]
        return x.shape[1] in self.inputs or outputs in self.outputs
