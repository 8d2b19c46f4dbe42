"""Images that other people's methods have made, measured like results of our own: model=images folder=DIR."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import ClassVar

import numpy as np

from srlab.data.image_sets import ImageSet
from srlab.errors import SrlabError, nearest
from srlab.imaging.crop import crop_to_multiple
from srlab.imaging.files import image_header, read_image
from srlab.metrics.protocol import Protocol
from srlab.networks.network import Traits

PLACEHOLDERS = ("name", "scale", "set", "method")
SHOWN = 3  # files in an error


@dataclass(frozen=True)
class SavedImages:
    """A method of which only the results are at hand.

    Attributes:
        label: in tables and in names of files.
        folder: of its images. It and the pattern may have placeholders: {name} of the image, {scale} as in 4, {set} as
            options or papers name it, {method} for the label.
        pattern: path of an image below the folder.
        traits: as those of a network that can do every scale.

    Raises:
        SrlabError: an unknown placeholder, or a pattern without {name}.
    """

    traits: ClassVar[Traits] = Traits(scales=None, channels=None, equivariant=True)
    label: str
    folder: str
    pattern: str = "{name}.png"

    def __post_init__(self) -> None:
        for word in re.findall(r"\{(.*?)\}", self.origin):
            if word not in PLACEHOLDERS:
                expected = ", ".join(f"{{{known}}}" for known in PLACEHOLDERS)
                raise SrlabError(f"{{{word}}} in {self.origin}: expected {expected}.{nearest(word, PLACEHOLDERS)}")
        if "{name}" not in self.origin:
            raise SrlabError(f"pattern={self.pattern}: expected {{name}} in it, for which the image's name is put.")

    @property
    def origin(self) -> str:
        """Where the images are from, with placeholders."""
        return str(Path(self.folder) / self.pattern)

    def path(self, image_set: ImageSet, name: str, scale: int) -> Path:
        """Returns where the result of an image is, or would be. A set of the catalog may be called by any of its names.

        Args:
            image_set: the set.
            name: of the image in the set.
            scale: by which it was enlarged.
        """
        entry = image_set.entry
        names = [image_set.name, *([] if entry is None else [entry.title, *entry.aliases])]
        paths = [self._filled({"name": name, "scale": str(scale), "set": set_name}) for set_name in names]
        return next((path for path in paths if path.is_file()), paths[0])

    def _filled(self, values: dict[str, str]) -> Path:
        values = {**values, "method": self.label}
        return Path(re.sub(r"\{(\w+)\}", lambda match: values[match[1]], self.origin)).expanduser()

    def check(self, image_set: ImageSet, scales: Sequence[int], protocol: Protocol) -> None:
        """Checks, before anything is measured, that every image of a set has its result, and that it can be compared.

        Raises:
            SrlabError: files are missing, or have another size, 16 bits, or no colours. It names the first three.
        """
        if len(scales) > 1 and "{scale}" not in self.origin:
            raise SrlabError(
                f"scale={list(scales)}: the same images would be measured at every scale. "
                f"Give one scale, or put {{scale}} into folder= or pattern=."
            )
        for scale in scales:
            self._check_presence(image_set, scale)
            paths = [self.path(image_set, picture.name, scale) for picture in image_set.pictures]
            found = (
                _mismatch(path, picture.read(), scale, protocol)
                for path, picture in zip(paths, image_set.pictures, strict=True)
            )
            if wrong := list(filter(None, found)):
                raise SrlabError(
                    f"{'; '.join(wrong[:SHOWN])}{_more(wrong)}. Expected 8-bit images of {image_set.name} x{scale}, "
                    f"as large as HR, or as HR cropped to multiples of {scale}."
                )

    def _check_presence(self, image_set: ImageSet, scale: int) -> None:
        names = [picture.name for picture in image_set.pictures]
        paths = {name: self.path(image_set, name, scale) for name in names}
        missing = [name for name, path in paths.items() if not path.is_file()]
        if missing:
            listed = [str(paths[name]) for name in missing]
            raise SrlabError(
                f"{', '.join(listed[:SHOWN])}{_more(listed)}: no such image{'s' * (len(listed) > 1)}; "
                f"{image_set.name} x{scale} has {len(names)}.{self._suggested(missing[0], paths[missing[0]], scale)}"
            )

    def _suggested(self, name: str, path: Path, scale: int) -> str:
        """Returns a hint where the folder has a file whose name begins with the image's; else ''."""
        if not path.parent.is_dir():
            return f" There is no folder {path.parent}."
        found = sorted((file.name for file in path.parent.iterdir() if file.name.startswith(name)), key=len)
        if not found:
            return ""
        rest = re.sub(rf"(?<=x){scale}(?!\d)", "{scale}", found[0].removeprefix(name))
        pattern = PurePath(self.pattern).with_name(f"{{name}}{rest}")
        return f" There is {found[0]}: say pattern={pattern}"

    def result(self, image_set: ImageSet, index: int, scale: int, protocol: Protocol) -> np.ndarray:
        """Returns the result of one image as the protocol compares it, of the shape of `protocol.reference`.

        It is cropped to multiples of the scale as HR is. RGB of a grey image is averaged to grey. Where the protocol
        measures a method that sees luma, Y of RGB is taken, and a grey file of an RGB image is taken for Y.

        Args:
            image_set: the set.
            index: of the image.
            scale: by which it was enlarged.
            protocol: what is measured.

        Raises:
            SrlabError: the file cannot be read.
        """
        picture = image_set.pictures[index]
        image = crop_to_multiple(read_image(self.path(image_set, picture.name, scale)), scale)
        if picture.read().ndim == 2 and image.ndim == 3:
            image = ((2 * image.sum(axis=2, dtype=np.uint16) + 3) // 6).astype(np.uint8)  # the mean, rounded half up
        return protocol.reference(image)


def _mismatch(path: Path, hr: np.ndarray, scale: int, protocol: Protocol) -> str:
    """Says why a file cannot be compared with its HR image, (H, W) or (H, W, 3); '' if it can."""
    header = image_header(path)
    if (header.height, header.width) not in (hr.shape[:2], crop_to_multiple(hr, scale).shape[:2]):
        return f"{path} is {header.width}x{header.height}, and HR {hr.shape[1]}x{hr.shape[0]}"
    if not header.is_8_bit:
        return f"{path} has 16 bits"
    if header.is_grey and hr.ndim == 3 and protocol.method_sees == "image":
        return f"{path} is grey, and HR is RGB (protocol=classic takes it for Y)"
    return ""


def _more(items: Sequence[str]) -> str:
    return f" and {len(items) - SHOWN} more" if len(items) > SHOWN else ""
