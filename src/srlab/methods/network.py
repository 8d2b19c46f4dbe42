"""What every network promises, so that training, tiling and tables need not know which one they hold."""

from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True)
class Traits:
    """What the rest of srlab must know of a network, as data.

    scales: those that it can do; None = any integer of at least 1.
    channels: 1 = luma, 3 = RGB, None = every channel by itself.
    size_multiple: sides of the LR image must be multiples of it; `upscale` pads and crops.
    receptive_field: how far an output pixel sees, in LR pixels from its own position; None = everywhere.
    """

    scales: tuple[int, ...] | None
    channels: int | None
    size_multiple: int = 1
    receptive_field: int | None = None


class SRNetwork(nn.Module):
    """A plain module with `traits`. Constructor arguments are numbers, strings and lists: they go to checkpoints."""

    traits: Traits

    def forward(self, lr: Tensor, scale: int, condition: Tensor | None = None) -> Tensor:
        """(N, C, h, w) in [0, 1] -> the final image (N, C, scale*h, scale*w), not clamped.

        condition: what a degradation-conditioned network needs beside the image, such as (N, K) kernel codes.
        """
        raise NotImplementedError
