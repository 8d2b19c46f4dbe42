"""Which images the viewer has: results beside HR and LR, the first of every set first, until a budget is reached."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np

from srlab.errors import SrlabError
from srlab.evaluation.measure import saved_image
from srlab.imaging.files import read_image
from srlab.imaging.resize import imresize
from srlab.labels import printable
from srlab.results_page.embedded import Embedded, embedded
from srlab.results_page.rows import Results, Row

Reader = Callable[[str, int, str], np.ndarray]  # set, scale, image -> uint8 (H, W) or (H, W, 3)


@dataclass(frozen=True)
class Picture:
    """One HR image at one scale, and what was made of its LR image.

    Attributes:
        name: in the set.
        size: (width, height) of HR in pixels.
        lr: the LR image.
        hr: the reference.
        results: by the label of a method.
    """

    name: str
    size: tuple[int, int]
    lr: Embedded
    hr: Embedded
    results: Mapping[str, Embedded]

    @property
    def bytes(self) -> int:
        return sum(len(image.uri) for image in (self.lr, self.hr, *self.results.values()))


@dataclass
class Place:
    """A set at a scale.

    Attributes:
        set: its name in options.
        scale: of the super-resolution.
        rows: of the methods, under the protocol of the images.
        waiting: images with saved results that are not taken yet.
        pictures: those that were taken.
        full: whether its next image had no room.
    """

    set: str
    scale: int
    rows: list[Row]
    waiting: list[str]
    pictures: list[Picture] = field(default_factory=list)
    full: bool = False


def chosen_pictures(results: Results, images: Path, hr: Reader, budget: int) -> list[Place]:
    """Reads images and packs them: the first of every set and scale, then the second, and so on.

    Where an image with all its results has no room, no further ones of its set are taken at this scale.

    Args:
        results: whose methods are shown.
        images: the folder in which evaluate.py has saved them.
        hr: returns HR, as large as the results.
        budget: characters that all images together may take in the page.

    Raises:
        SrlabError: an image cannot be read or has another size than HR, or a name leads out of the folder.
    """
    places = [place for place in _places(results, images) if place.waiting]
    left = budget
    while open_places := [place for place in places if place.waiting and not place.full]:
        for place in open_places:
            picture = _picture(place, place.waiting[0], images, hr)
            if picture.bytes > left:
                place.full = True
            else:
                left -= picture.bytes
                place.pictures.append(picture)
                place.waiting.pop(0)
    return places


def _places(results: Results, images: Path) -> Iterator[Place]:
    rows = [row for row in results.rows if row.protocol == results.protocol]
    for name, scale in dict.fromkeys((row.set, row.scale) for row in rows):
        own = [row for row in rows if (row.set, row.scale) == (name, scale)]
        names = dict.fromkeys(image for row in own for image in row.images)
        yield Place(name, scale, own, [image for image in names if _saved(own, image, images)])


def _saved(rows: list[Row], image: str, images: Path) -> dict[str, Path]:
    """Returns where the results of an image are, by method; of methods whose images were not saved there are none."""
    if ".." in PurePosixPath(image).parts or PureWindowsPath(image).is_absolute() or PureWindowsPath(image).root:
        raise SrlabError(f"image {printable(image)}: the name leads out of {images}; expected a path within a set.")
    paths = {
        row.label: saved_image(images, row.set, row.scale, image, row.label) for row in rows if image in row.images
    }
    return {label: path for label, path in paths.items() if path.is_file()}


def _picture(place: Place, image: str, images: Path, hr: Reader) -> Picture:
    reference = hr(place.set, place.scale, image)
    small = imresize(reference, 1 / place.scale)
    results = {}
    for label, path in _saved(place.rows, image, images).items():
        result = read_image(path)
        if result.shape[:2] != reference.shape[:2]:
            raise SrlabError(
                f"{path} is {_size(result)}, but HR of {printable(image)} at x{place.scale} is {_size(reference)}. "
                f"Evaluate again with save_images=true."
            )
        results[label] = embedded(result)
    height, width = reference.shape[:2]
    return Picture(image, (width, height), embedded(small), embedded(reference), results)


def _size(image: np.ndarray) -> str:
    return f"{image.shape[1]}x{image.shape[0]}"
