"""Nearest, bilinear, bicubic and Lanczos interpolation: the rows that every table starts with."""

from torch import Tensor

from srlab.errors import SrlabError, nearest
from srlab.imaging.resize import KERNELS, imresize
from srlab.networks.network import SRNetwork, Traits


class InterpolationNetwork(SRNetwork):
    """MATLAB's imresize, applied to every channel separately.

    Args:
        kernel: nearest, bilinear, bicubic or lanczos.

    Raises:
        SrlabError: for another kernel.
    """

    def __init__(self, kernel: str = "bicubic") -> None:
        super().__init__()
        if kernel not in KERNELS:
            raise SrlabError(f"kernel={kernel}: expected one of {', '.join(KERNELS)}.{nearest(kernel, KERNELS)}")
        self.kernel = kernel
        # Lanczos, the widest, reaches 3 and a half.
        self.traits = Traits(scales=None, channels=None, receptive_field=4, equivariant=True)

    def forward(self, lr: Tensor, scale: int, condition: Tensor | None = None) -> Tensor:
        return imresize(lr, scale, self.kernel)
