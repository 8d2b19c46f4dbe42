"""What `srlab figure` was asked for, checked as far as no image and no network is needed for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from srlab.errors import SrlabError
from srlab.evaluation.plotting import ENDINGS

WIDTHS = (1.0, 40.0)  # inches
DENSITIES = (50, 1200)  # pixels to the inch


@dataclass(frozen=True)
class Request:
    """What to draw.

    Attributes:
        image_set: a set, `sample` or a folder, as sets= of evaluate.py takes them.
        images: names of images in it.
        scale: of the super-resolution.
        methods: in the order of crops.
        names: of the methods, in the figure; None for those of evaluate.py's tables.
        protocol: its name.
        crops: (left, top, width, height) or None for each image; or None alone, for all.
        size: side of the windows that are chosen, in pixels of HR; None for a part of the image.
        root: data.root.
        degradation: of the LR images.
        ensemble: as `upscale` takes it; so is tile.
        tile: see `ensemble`.
        accelerator: auto, cpu, gpu or mps (Apple's GPU).
        out: the file.
        width: of the figure, in inches.
        dpi: pixels to the inch, at least.
    """

    image_set: str
    images: Sequence[str]
    scale: int
    methods: Sequence[str]
    names: Sequence[str] | None = None
    protocol: str = "luma"
    crops: Sequence[tuple[int, ...] | None] = (None,)
    size: int | None = None
    root: Path = Path("data")
    degradation: str = "bicubic"
    ensemble: bool = False
    tile: int | None = None
    accelerator: str = "auto"
    out: Path = Path("figure.png")
    width: float = 7.0
    dpi: int = 300

    def check(self) -> None:
        """Raises SrlabError for what no figure can be made of, before anything is computed."""
        out = self.out
        if out.suffix not in ENDINGS:
            raise SrlabError(f"out={out}: expected a file that ends in {', '.join(ENDINGS)}.")
        if not out.parent.is_dir():
            raise SrlabError(f"out={out}: there is no folder {out.parent}. Make it, or choose another file.")
        if self.scale < 2:
            raise SrlabError(f"scale={self.scale}: expected 2 or more.")
        for key, value, (least, most) in (("width", self.width, WIDTHS), ("dpi", self.dpi, DENSITIES)):
            if not least <= value <= most:
                raise SrlabError(f"{key}={value:g}: expected {least:g} to {most:g}.")
        if self.size is not None and self.size < 1:
            raise SrlabError(f"size={self.size}: expected 1 or more.")
        if not self.images or not self.methods:
            raise SrlabError(f"{'methods' if self.images else 'image'}=[]: expected one or several.")
        if self.names is not None and len(self.names) != len(self.methods):
            raise SrlabError(f"names=: {len(self.names)} for {len(self.methods)} of methods=. Give one for each.")
        if len(self.crops) != len(self.images) and tuple(self.crops) != (None,):
            raise SrlabError(f"crop=: {len(self.crops)} for {len(self.images)} of image=. Give one for each, or auto.")
