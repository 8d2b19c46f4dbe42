"""What every network promises, so that training, tiling and tables need not know which one they hold."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor, nn

from srlab.errors import SrlabError
from srlab.networks.sketch import CONTRADICTIONS, sketch

State = Mapping[str, Tensor]


@dataclass(frozen=True)
class Traits:
    """What the rest of srlab must know of a network, as data.

    Attributes:
        scales: those that it can do; None: any integer of at least 1.
        channels: 1: luma, 3: RGB, None: every channel by itself.
        size_multiple: sides of the LR image must be multiples of it; `upscale` pads and crops.
        receptive_field: how far an output pixel sees, in LR pixels from its own position; None: everywhere.
        condition_length: the number of values that it needs beside each image, such as a blur kernel and a noise level:
            `forward` takes (N, condition_length) of them. None: it needs none, and ignores those that it is given.
        equivariant: the network commutes with flips and rotations, as interpolation does, so the self-ensemble changes
            nothing.
        bf16: whether it may compute in bf16 where the hardware is fast at that.
        slow_layers: paths of modules, or of parameters, that learn at a tenth of the learning rate, as early papers'
            last layers and biases do.
    """

    scales: tuple[int, ...] | None
    channels: int | None
    size_multiple: int = 1
    receptive_field: int | None = None
    condition_length: int | None = None
    equivariant: bool = False
    bf16: bool = True
    slow_layers: tuple[str, ...] = ()


@dataclass(frozen=True)
class ShiftedConvolutions:
    """Where a network shifts and stretches colours, so that the mapping can become part of its convolutions.

    Attributes:
        shift: path of the module that does so, a `MeanShift` or `TrainedMeanShift`.
        inputs: paths of all convolutions that see the shifted image.
        outputs: paths of all convolutions whose results are added up, perhaps after a pixel shuffle, and shifted back.
        skip: the shifted image, enlarged, is added to these results too.
    """

    shift: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    skip: bool = False


class SRNetwork(nn.Module):
    """Base class of all networks: a plain module with `traits`.

    Constructor arguments are annotated, and are numbers, strings and lists of them: they are the options under
    model.network, and what checkpoints hold.

    Attributes:
        traits: set by the constructor.
        tiny: arguments that make a small network of the kind, for tests of its behaviour.
        unseen: arguments that no shape of a weight shows, such as a residual scale or a number of recursions.
            `infer_arguments` leaves them out, or gives any value where the constructor needs one.
    """

    traits: Traits
    tiny: ClassVar[Mapping[str, Any]] = {}
    unseen: ClassVar[tuple[str, ...]] = ()

    def forward(self, lr: Tensor, scale: int, condition: Tensor | None = None) -> Tensor:
        """Super-resolves a batch.

        Args:
            lr: (N, C, h, w) in [0, 1].
            scale: one of the traits' scales.
            condition: (N, traits.condition_length); anything where the network needs none.

        Returns:
            The final image, (N, C, scale * h, scale * w), not clamped.
        """
        raise NotImplementedError

    def outputs(self, lr: Tensor, scale: int, condition: Tensor | None = None) -> list[Tensor]:
        """Super-resolves a batch, and returns every image that training may compare; arguments as of `forward`.

        Returns:
            The final image of `forward`, and before it those of earlier stages where the network has some, such as
            recursions and levels of a pyramid. (N, C, H, W); the sizes may differ.
        """
        return [self(lr, scale, condition)]

    def turned_condition(self, condition: Tensor, symmetry: int) -> Tensor:
        """Returns the condition of images that `srlab.imaging.symmetries.orient` has turned.

        It is the same unless a condition has an orientation, as a blur kernel has.

        Args:
            condition: (N, traits.condition_length), of the images as they were.
            symmetry: 0 to 7.
        """
        return condition

    def shifted_convolutions(self) -> ShiftedConvolutions | None:
        """Says where the mean shift is, for `srlab.inference.folding`; None: there is none, or it stays as it is."""
        return None

    @staticmethod
    def infer_arguments(state: State) -> dict[str, Any]:
        """Returns the constructor's arguments as far as the shapes of a state dict show them.

        A network that does not override it works, but files of its weights are not recognised by themselves: `srlab
        convert` refuses them, and errors cannot say what they look like.

        Raises:
            LookupError: the state dict is of something else.
        """
        raise LookupError("this network does not infer its arguments")

    @classmethod
    def arguments_of(cls, state: State) -> dict[str, Any] | None:
        """Returns the constructor's arguments that give exactly these keys and shapes; None where there are none.

        What no shape shows (`unseen`) is left out.
        """
        try:
            arguments = cls.infer_arguments(state)
            own = sketch(cls, arguments, state)
        except (*CONTRADICTIONS, SrlabError):  # shapes of something else can ask for anything
            return None
        same = own.keys() == state.keys() and all(own[key].shape == state[key].shape for key in own)
        return arguments if same else None


def count(state: State, pattern: str) -> int:
    """Counts the different numbers that the group `(\\d+)` of a pattern has among the keys, such as a body's blocks."""
    return len({match[1] for key in state if (match := re.match(pattern, key))})
