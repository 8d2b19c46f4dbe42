"""The sets that methods are measured on: the benchmarks, any folder, and the embedded photos."""

import functools
from pathlib import Path

from srlab.data import photos
from srlab.data.catalog import (
    BENCHMARKS,
    CATALOG,
    CatalogEntry,
    hr_files,
    known_set,
    lr_file,
    no_track,
    parts_of,
    present,
    sets_with,
)
from srlab.data.degradations import find_degradation
from srlab.data.image_sets import ImageSet, Picture
from srlab.data.sources import find_sources
from srlab.errors import SrlabError, nearest
from srlab.imaging.files import read_image

SAMPLE = "sample"  # the embedded photos


def catalog_set(entry: CatalogEntry, root: Path, degradation: str = "bicubic") -> ImageSet:
    """A set of the catalog, under its name and, but for bicubic LR, that of the degradation.

    Raises SrlabError where it is missing or incomplete, or has no such LR files.
    """

    from_files = degradation == "bicubic" or find_degradation(degradation).needs_files

    def picture(part: CatalogEntry, path: Path) -> Picture:
        return Picture(
            path.stem,
            functools.partial(read_image, path),
            lambda scale: lr_file(part, root, degradation, scale, path.stem) if from_files else None,
        )

    if find_degradation(degradation).needs_files and entry.name not in sets_with(degradation):
        raise no_track(entry.name, degradation)
    pictures = tuple(picture(part, path) for part in parts_of(entry) for path in hr_files(part, root))
    return ImageSet(_set_name(entry.name, degradation), pictures, degradation, entry)


def photo_set(name: str, titles: tuple[str, ...], degradation: str = "bicubic") -> ImageSet:
    """Photos that come with scikit-image. Raises SrlabError for a degradation whose LR images cannot be made."""
    if find_degradation(degradation).needs_files:
        raise no_track(name, degradation)
    pictures = tuple(Picture(title, functools.partial(photos.photo, title)) for title in titles)
    return ImageSet(_set_name(name, degradation), pictures, degradation)


def _set_name(name: str, degradation: str) -> str:
    return name if degradation == "bicubic" else f"{name}_{degradation}"


def source_set(name: str, words: list[str], root: Path, degradation: str, recursive: bool = False) -> ImageSet:
    """The images of folders or sets, with the LR files that they have.

    Raises SrlabError for a word that is neither, and for images without LR files of a degradation that needs them.
    """
    sources = find_sources(words, root, degradation, recursive)
    pictures = [picture for source in sources for picture in source.pictures(source.files)]
    notes = tuple(note for source in sources for note in source.notes)
    return ImageSet(name, tuple(pictures), degradation, notes=notes)


def evaluation_sets(
    names: str | list[str] | None, root: Path, degradation: str = "bicubic", recursive: bool = False
) -> list[ImageSet]:
    """Finds the sets to measure on.

    Args:
        names: of the catalog, `sample`, or folders of images. None, or no name: the benchmarks that are under `root`,
            else the sample photos; of a degradation that needs LR files, DIV2K's validation images.
        root: data.root.
        degradation: of the LR images.
        recursive: whether a folder's subfolders are read too.

    Raises:
        SrlabError: a name that is neither a set nor a folder, a set that is not there, or one without such LR images.
    """
    if isinstance(names, str):
        names = [names]
    if not names and find_degradation(degradation).needs_files:
        names = ["div2k_valid"]
    if not names:
        names = [name for name in BENCHMARKS if present(CATALOG[name], root)] or [SAMPLE]
    return [_named_set(str(name), root, degradation, recursive) for name in names]


def _named_set(name: str, root: Path, degradation: str, recursive: bool) -> ImageSet:
    if name == SAMPLE:
        return photo_set(SAMPLE, photos.TEST, degradation)
    entry = known_set(name)
    if entry is not None:
        return catalog_set(entry, root, degradation)
    folder = Path(name).expanduser()
    if not folder.is_dir():
        known = [*CATALOG, SAMPLE]
        raise SrlabError(
            f"'{name}' is not a set ({', '.join(known)}), and no folder of images.{nearest(name.lower(), known)}"
        )
    return source_set(_set_name(folder.resolve().name, degradation), [name], root, degradation, recursive)
