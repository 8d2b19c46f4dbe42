"""Networks that spandrel recognises by their weights, such as Real-ESRGAN, SwinIR, HAT, DAT and SPAN, as SRNetworks.

Files are read by srlab's own reader, which runs no pickled code; spandrel sees the state dict alone.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from srlab.errors import SrlabError
from srlab.extras import require_extra
from srlab.networks.network import SRNetwork, State, Traits
from srlab.weights.files import network_state, read_file

if TYPE_CHECKING:
    from spandrel import ModelDescriptor

NAME = "spandrel"  # model=spandrel
REASON = 150  # characters of an error of spandrel's that are shown


class SpandrelNetwork(SRNetwork):
    """A network of spandrel's, with its weights, in eval mode; its traits say its size, scale and channels.

    How far it sees is not known, so its receptive field is None: images are cut into tiles only where the memory needs
    it, as spandrel advises for attention, and a warning says where that changes the result.

    Args:
        file: of the weights, by the keys of their project.

    Attributes:
        architecture: spandrel's name of it, such as SwinIR.

    Raises:
        SrlabError: spandrel is not installed, does not recognise the weights, or the network does not make an image of
            an image with 1 or 3 channels.
    """

    def __init__(self, file: str) -> None:
        super().__init__()
        path = Path(file)
        descriptor = _described(network_state(read_file(path), path), path)
        from spandrel import ImageModelDescriptor  # noqa: PLC0415 - an extra that takes seconds

        self.architecture = descriptor.architecture.name
        if not isinstance(descriptor, ImageModelDescriptor):
            raise SrlabError(f"{file}: {self.architecture} fills holes under a mask; expected super-resolution.")
        channels = (descriptor.input_channels, descriptor.output_channels)
        if channels not in ((1, 1), (3, 3)):
            raise SrlabError(
                f"{file}: {self.architecture} with {channels[0]} channels in and {channels[1]} out; expected 1 or 3 of "
                f"both."
            )
        self.model = descriptor.model.float().eval()
        self._call, self._sizes = descriptor._call_fn, descriptor.size_requirements
        self.traits = Traits(
            (descriptor.scale,),
            channels[0],
            size_multiple=self._sizes.multiple_of,
            bf16=descriptor.supports_bfloat16,
        )

    def forward(self, lr: Tensor, scale: int, condition: Tensor | None = None) -> Tensor:
        """As `SRNetwork.forward`; images below the network's least size, or not square where it must, are padded."""
        height, width = lr.shape[-2:]
        sr: Tensor = self._call(self.model, _padded(lr, *self._sizes.get_padding(width, height)))
        return sr[..., : height * scale, : width * scale]


def _described(state: State, path: Path) -> "ModelDescriptor":
    require_extra("zoo", f"{path}: not a network of srlab's; spandrel knows more")
    from spandrel import ModelLoader, UnsupportedModelError  # noqa: PLC0415 - an extra that takes seconds

    try:
        return ModelLoader().load_from_state_dict(dict(state))
    except UnsupportedModelError:
        some = ", ".join(list(state)[:3])
        raise SrlabError(
            f"{path}: neither srlab nor spandrel recognises the network; its weights start with {some}."
        ) from None
    except Exception as error:  # spandrel looks at a few keys, and then takes shapes for granted
        reason = " ".join(str(error).split())[:REASON] or type(error).__name__
        raise SrlabError(
            f"{path}: spandrel knows some of its keys, but cannot build the network ({reason})."
        ) from error


def _padded(lr: Tensor, right: int, bottom: int) -> Tensor:
    """Reflects as much as there is to reflect, and repeats the last pixel for the rest."""
    height, width = lr.shape[-2:]
    reflected = (0, min(right, width - 1), 0, min(bottom, height - 1))
    lr = torch.nn.functional.pad(lr, reflected, mode="reflect")
    return torch.nn.functional.pad(lr, (0, right - reflected[1], 0, bottom - reflected[3]), mode="replicate")
