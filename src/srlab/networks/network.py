"""What every network promises, so that training, tiling and tables need not know which one they hold."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from srlab.errors import SrlabError

State = Mapping[str, Tensor]


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

    @staticmethod
    def infer_arguments(state: State) -> dict[str, Any]:
        """The constructor's arguments as far as the shapes of a state dict show them; LookupError for another's."""
        raise LookupError

    @classmethod
    def arguments_of(cls, state: State) -> dict[str, Any] | None:
        """The constructor's arguments that give exactly these keys and shapes; None where there are none.

        What no shape shows, such as a residual scale, is left out.
        """
        try:
            arguments = cls.infer_arguments(state)
            with torch.device("meta"):
                own = cls(**arguments).state_dict()
        except (LookupError, ValueError, RuntimeError, SrlabError):  # shapes of something else can ask for anything
            return None
        same = own.keys() == state.keys() and all(own[key].shape == state[key].shape for key in own)
        return arguments if same else None


def count(state: State, pattern: str) -> int:
    """How many different numbers `(\\d+)` of a pattern has among the keys, such as blocks in a body."""
    return len({match[1] for key in state if (match := re.match(pattern, key))})
