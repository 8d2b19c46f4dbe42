"""The sets that methods are measured on: the benchmarks, any folder, and the embedded photos."""

import functools
from pathlib import Path

from srlab.data import photos
from srlab.data.catalog import BENCHMARKS, CATALOG, CatalogEntry, known_set, no_track, present
from srlab.data.degradations import find_degradation
from srlab.data.image_sets import ImageSet, Picture
from srlab.data.sources import find_sources
from srlab.errors import SrlabError, nearest

SAMPLE = "sample"  # the embedded photos


def catalog_set(entry: CatalogEntry, root: Path, degradation: str = "bicubic") -> ImageSet:
    """A set of the catalog; its name has the degradation in it, where that is not bicubic.

    Raises:
        SrlabError: it is missing or incomplete, or has no such LR files.
    """
    sources = find_sources([entry.name], root, degradation)
    pictures = [source.picture(path, path.stem) for source in sources for path in source.files]
    notes = tuple(note for source in sources for note in source.notes)
    return ImageSet(_set_name(entry.name, degradation), tuple(pictures), degradation, entry, notes)


def photo_set(name: str, titles: tuple[str, ...], degradation: str = "bicubic") -> ImageSet:
    """Photos that come with scikit-image. Raises SrlabError for a degradation whose LR images cannot be made."""
    if find_degradation(degradation).needs_files:
        raise no_track(name, degradation)
    pictures = tuple(Picture(title, functools.partial(photos.photo, title)) for title in titles)
    return ImageSet(_set_name(name, degradation), pictures, degradation)


def _set_name(name: str, degradation: str) -> str:
    return name if degradation == "bicubic" else f"{name}_{degradation}"


def folder_set(word: str, root: Path, degradation: str = "bicubic", recursive: bool = False) -> ImageSet:
    """The images of a folder, and the LR files beside it.

    Its name is the folder's, or the parent's where the images are in HR/; never that of a set of the catalog, whose
    published numbers are of other images. Images are named by their path in the folder, a/b.png as a_b.

    Raises:
        SrlabError: no such folder, two images of one name, or images without LR files of a degradation that needs them.
    """
    (source,) = find_sources([word], root, degradation, recursive)
    pictures = {}
    for path in source.files:
        name = "_".join(path.relative_to(source.folder).with_suffix("").parts)
        if name in pictures:
            raise SrlabError(f"{path}: another image of {source.folder} is called {name} too. Rename one of them.")
        pictures[name] = source.picture(path, name)
    folder = source.folder.resolve()
    name = folder.parent.name if folder.name == "HR" else folder.name
    if known_set(name) is not None or name == SAMPLE:
        name += "_folder"
    return ImageSet(_set_name(name, degradation), tuple(pictures.values()), degradation, source.entry, source.notes)


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
    sets = [_named_set(str(name), root, degradation, recursive) for name in names]
    called = [image_set.name for image_set in sets]
    if len(set(called)) < len(called):
        raise SrlabError(
            f"sets={','.join(map(str, names))}: two of them are called {max(called, key=called.count)}, the name under "
            f"which results are kept. Name each set once, and measure folders of the same name one at a time."
        )
    return sets


def _named_set(name: str, root: Path, degradation: str, recursive: bool) -> ImageSet:
    if name == SAMPLE:
        return photo_set(SAMPLE, photos.TEST, degradation)
    entry = known_set(name)
    if entry is not None:
        return catalog_set(entry, root, degradation)
    if not Path(name).expanduser().is_dir():
        known = [*CATALOG, SAMPLE]
        raise SrlabError(
            f"'{name}' is not a set ({', '.join(known)}), and no folder of images.{nearest(name.lower(), known)}"
        )
    return folder_set(name, root, degradation, recursive)
