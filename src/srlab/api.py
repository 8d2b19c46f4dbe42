"""What `import srlab` offers: networks that are ready for use, from Python.

import srlab

network = srlab.load("edsr_baseline", scale=2)
network("photo.jpg").save("large.png")
"""

import os
from pathlib import Path
from typing import Literal, TypeVar, overload

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from srlab.errors import SrlabError
from srlab.inference.images_in_kind import enlarged_array, enlarged_image, enlarged_tensor, target_size
from srlab.inference.loading import load as load_upscaler
from srlab.inference.upscaler import Settings, Upscaler

Number = TypeVar("Number", bound=np.generic)
Size = tuple[int, int]
WIDE = 16  # bits of a channel


def load(
    source: str | os.PathLike[str],
    scale: float | None = None,
    *,
    tile: int | Literal["auto"] | None = "auto",
    ensemble: bool = False,
    precision: Literal["auto", "32", "bf16", "16"] = "auto",
    fold: bool = True,
    device: str = "auto",
    engine: Literal["torch", "onnxruntime", "openvino"] = "torch",
    memory: int | None = None,
) -> "Network":
    """Returns a network that is ready for use.

    Args:
        source: the first of these that there is: an interpolation (nearest, bilinear, bicubic, lanczos); a network
            that comes with srlab, such as edsr_baseline or vdsr (`srlab weights list`); the path of a checkpoint, of a
            run's folder, or of weights (.safetensors, .pth, .pt) in a layout that srlab or spandrel recognises; a
            repository of the Hugging Face hub, USER/NAME.
        scale: by which images grow where a call does not say it, such as 2 or 2.7. None: the network's own scale,
            where it has one.
        tile: side of the tiles in LR pixels; "auto": as large as the free memory allows; None: whole images.
        ensemble: averages over the 8 flips and rotations, at 8 times the cost.
        precision: of the network's arithmetic: 32, bf16, 16, or auto: bf16 where the hardware is fast at it.
        fold: whether constants are folded into convolutions first, which is faster and gives the same images.
        device: cpu, cuda, mps, or auto.
        engine: what computes: torch, onnxruntime or openvino.
        memory: bytes that tiles may take at most, where tile="auto" chooses them; None: a share of what is free.

    Raises:
        SrlabError: there is no such network, or it does not reach the scale.
    """
    settings = Settings(
        tile=tile, ensemble=ensemble, precision=precision, fold=fold, device=device, engine=engine, memory=memory
    )
    return Network(load_upscaler(os.fspath(source), scale, settings), scale)


class Network:
    """A network as a function of images, which answers in kind.

    Args:
        upscaler: the network and how it is run.
        scale: by which images grow where a call does not say it; None: the network's own scale, where it has one.
    """

    def __init__(self, upscaler: Upscaler, scale: float | None = None) -> None:
        own = upscaler.scales
        self.upscaler = upscaler
        self.scale = scale if scale is not None or own is None or len(own) != 1 else own[0]

    @property
    def label(self) -> str:
        """What the network is called."""
        return self.upscaler.label

    @property
    def scales(self) -> tuple[int, ...] | None:
        """The scales that the network was trained for; None: any. Others are made by shrinking a larger result."""
        return self.upscaler.scales

    def __repr__(self) -> str:
        scales = "any scale" if self.scales is None else ", ".join(f"x{scale}" for scale in self.scales)
        return f"<srlab.Network {self.label}: {scales}>"

    @overload
    def __call__(
        self, image: str | os.PathLike[str] | Image.Image, scale: float | None = None, *, size: Size | None = None
    ) -> Image.Image: ...

    @overload
    def __call__(self, image: Tensor, scale: float | None = None, *, size: Size | None = None) -> Tensor: ...

    @overload
    def __call__(
        self, image: npt.NDArray[Number], scale: float | None = None, *, size: Size | None = None
    ) -> npt.NDArray[Number]: ...

    def __call__(
        self,
        image: str | os.PathLike[str] | Image.Image | npt.NDArray[Number] | Tensor,
        scale: float | None = None,
        *,
        size: Size | None = None,
    ) -> Image.Image | npt.NDArray[Number] | Tensor:
        """Enlarges an image.

        Values of 8 and 16 bits are rounded half up, as a saved image has them; those of floating point are not.

        Args:
            image: one of
                - the path of an image file, of any kind that `srlab upscale` reads: upright as its orientation tag
                  says; of 8 bits a channel, or 16 where it is grey;
                - a PIL image, with alpha or without;
                - an array, (H, W) or (H, W, 3) in RGB: uint8, uint16, or floating point in [0, 1];
                - a tensor, (N, 1 or 3, H, W): likewise.
            scale: by which both sides grow, such as 2 or 2.7; None: the scale that `load` was told, or the network's.
                A network enlarges by its smallest scale that reaches it, and bicubic shrinks the result.
            size: (width, height) of the result in pixels, instead of a scale.

        Returns:
            A PIL image for a path and for a PIL image (mode 1 becomes L, a palette RGB); an array or a tensor of the
            same type and number of channels for those; a tensor is on the device of the given one.

        Raises:
            SrlabError: the image cannot be read, its type, shape or range is none of these, or the network does not
                reach the size.
            TypeError: something else than an image.
        """
        if isinstance(image, (str, os.PathLike)):
            image = _read(Path(image).expanduser())
        if isinstance(image, Image.Image):
            return enlarged_image(self.upscaler, image, *self._target(image.height, image.width, scale, size))
        if isinstance(image, torch.Tensor):
            height, width = image.shape[-2:] if image.dim() > 1 else (1, 1)
            return enlarged_tensor(self.upscaler, image, *self._target(height, width, scale, size))
        if isinstance(image, np.ndarray):
            height, width = image.shape[:2] if image.ndim > 1 else (1, 1)
            return enlarged_array(self.upscaler, image, *self._target(height, width, scale, size))
        raise TypeError(f"{type(image).__name__}: expected a path, a PIL image, a NumPy array or a PyTorch tensor.")

    def _target(self, height: int, width: int, scale: float | None, size: Size | None) -> tuple[int, int]:
        """(height, width) of the result. Where a side is 0, what enlarges the image says so."""
        height, width = max(height, 1), max(width, 1)
        if scale is None and size is None:
            scale = self.scale
            if scale is None:
                has = "takes any scale" if self.scales is None else "has " + ", ".join(f"x{s}" for s in self.scales)
                raise SrlabError(f"{self.label}: {has}. Say scale= or size=.")
        target = target_size(height, width, scale, size, self.label)
        largest = None if self.scales is None else max(self.scales)
        if largest is not None and (target[0] > height * largest + 0.5 or target[1] > width * largest + 0.5):
            raise SrlabError(
                f"{self.label}: enlarges by {largest} at most; {width}x{height} to {target[1]}x{target[0]} is more."
            )
        return target


def _read(path: Path) -> Image.Image:
    """Reads a photo as `srlab upscale` does; 16 bits a channel stay where PIL has them, which is in grey alone."""
    from srlab.photos.photo import ICC, open_photo  # noqa: PLC0415 - libvips, which arrays and tensors do not need

    try:
        photo = open_photo(path)
    except OSError as error:
        reason = "no such image" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
        raise SrlabError(f"{path}: {reason}.") from None
    pixels = np.asarray(photo.pixels()).reshape(photo.height, photo.width, -1)
    if photo.bits == WIDE and pixels.shape[2] > 1:
        pixels = ((pixels.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)  # rounded
    image = Image.fromarray(np.ascontiguousarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels))
    if ICC in photo.metadata:
        image.info["icc_profile"] = photo.metadata[ICC]
    return image
