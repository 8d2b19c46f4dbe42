"""Where images come from: folders and sets, and the LR files that lie beside them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from srlab.data.catalog import (
    CATALOG,
    CatalogEntry,
    hr_files,
    hr_folder,
    known_set,
    lr_file,
    no_track,
    parts_of,
    set_of_folder,
)
from srlab.data.degradations import BICUBIC, find_degradation
from srlab.data.image_sets import Picture
from srlab.data.lr_folders import (
    LRFolder,
    folders_beside,
    folders_of_set,
    instead_of,
    listed,
    outside_scales,
)
from srlab.errors import SrlabError, nearest
from srlab.imaging.files import read_image
from srlab.imaging.folders import SUFFIXES, content_of, listing, passed_over


@dataclass(frozen=True)
class Source:
    """Image files of one folder, or of one set of the catalog, which may have LR files too.

    Attributes:
        folder: of the HR images.
        files: HR images.
        entry: the set that the images are, also where its folder was named instead of the set.
        named: whether it was named as a set, whose LR files the catalog knows.
        root: data.root.
        degradation: of the LR images.
        lr_folders: LR files of a folder's own, of this degradation.
        notes: lines to be said once, such as LR files that are not used.
    """

    folder: Path
    files: tuple[Path, ...]
    entry: CatalogEntry | None
    named: bool
    root: Path
    degradation: str
    lr_folders: tuple[LRFolder, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def versions(self) -> int:
        """LR images for every HR image."""
        track = self.entry.track(self.degradation) if self.entry is not None and self.named else None
        return track.versions if track is not None else 1

    def lr_path(self, path: Path, scale: int, version: int = 1) -> Path | None:
        """Returns where the LR file of one of its images is, or would be; None where it is made from HR.

        Raises:
            SrlabError: it is missing, or there are none of this scale, and the degradation needs files.
        """
        if not from_files(self.degradation):
            return None
        if self.entry is not None and self.named:
            return lr_file(self.entry, self.root, self.degradation, scale, path.stem, version)
        needed = find_degradation(self.degradation).needs_files
        files = [lr.files(path.stem)[version - 1] for lr in self.lr_folders if lr.scale == scale]
        if needed and not files:
            has = " and ".join(f"x{lr.scale}" for lr in self.lr_folders)
            raise SrlabError(
                f"{self.folder}: its LR images of data.degradation={self.degradation} are of {has}, not x{scale}."
            )
        if needed and not files[0].is_file():
            raise self._missing(scale)
        return files[0] if files else None

    def _missing(self, scale: int) -> SrlabError:
        """Returns the error of LR files that are missing and cannot be made from HR."""
        places = [lr.files(path.stem)[0] for path in self.files for lr in self.lr_folders if lr.scale == scale]
        lost = [path for path in places if not path.is_file()]
        files = "file" if len(lost) == 1 else "files"
        return SrlabError(
            f"{listed(lost, len(places))}: no such LR {files}, and {self.degradation} LR cannot be made from HR. "
            f"Add {'it' if len(lost) == 1 else 'them'}.{instead_of(lost[0])}"
        )

    def without(self, files: Collection[Path]) -> "Source":
        return replace(self, files=tuple(path for path in self.files if path not in files))

    def pictures(self, files: Collection[Path]) -> list[Picture]:
        """Returns those of its images that are among the files, named by their paths."""
        return [self.picture(path, str(path)) for path in self.files if path in files]

    def picture(self, path: Path, name: str) -> Picture:
        """Returns one of its images, with its LR files."""
        return Picture(name, partial(read_image, path), partial(self.lr_path, path))


def from_files(degradation: str) -> bool:
    """Tells whether LR files are used where they are there; those that are blurred or noisy are always made."""
    return degradation == BICUBIC.name or find_degradation(degradation).needs_files


def find_sources(
    words: Sequence[str], root: Path, degradation: str = "bicubic", recursive: bool = False
) -> list[Source]:
    """Finds the image files of folders and of sets.

    Args:
        words: names of sets, and folders; each file is taken once.
        root: data.root.
        degradation: of the LR images.
        recursive: whether a folder's subfolders are read too.

    Raises:
        SrlabError: a word that is neither, a set that is not whole, or images without LR files of a degradation that
            needs them.
    """
    sources: list[Source] = []
    taken: set[Path] = set()
    for word in words:
        entry = known_set(word)
        found = [_folder(word, root, degradation, recursive)] if entry is None else _set(entry, word, root, degradation)
        for source in found:
            new = tuple(path for path in source.files if path.resolve() not in taken)
            taken.update(path.resolve() for path in new)
            sources.append(replace(source, files=new))
    return [source for source in sources if source.files]


def _set(entry: CatalogEntry, word: str, root: Path, degradation: str) -> list[Source]:
    parts = parts_of(entry)
    if find_degradation(degradation).needs_files and any(part.track(degradation) is None for part in parts):
        raise no_track(word, degradation)
    return [_part(part, root, degradation) for part in parts]


def _part(entry: CatalogEntry, root: Path, degradation: str) -> Source:
    folder, files = hr_folder(entry, root), hr_files(entry, root)
    lr = folders_of_set(entry, root) if from_files(degradation) else []
    used, stems = [one for one in lr if one.degradation == degradation], [path.stem for path in files]
    notes = [*passed_over(folder, [content_of(folder)]), *(line for one in used for line in one.notes(stems))]
    return Source(folder, tuple(files), entry, True, root, degradation, notes=tuple(notes))


def _folder(word: str, root: Path, degradation: str, recursive: bool) -> Source:
    """A folder of HR images, or one that has them in HR/, and the LR files beside them."""
    folder = Path(word).expanduser()
    if not folder.is_dir():
        raise SrlabError(
            f"{word}: no such folder. Expected a folder of images ({', '.join(SUFFIXES)}), or one of the sets "
            f"{', '.join(CATALOG)}.{nearest(word.lower(), CATALOG)}"
        )
    hr = folder / "HR" if (folder / "HR").is_dir() else folder
    images = listing(hr, recursive)
    files = images.images
    found = [lr for lr in folders_beside(folder) if lr.degradation == degradation] if from_files(degradation) else []
    if find_degradation(degradation).needs_files and not found:
        raise no_track(word, degradation)
    if found:
        _check_stems(files, found[0])
    outside = outside_scales(folder, degradation) if from_files(degradation) else []
    stems = [path.stem for path in files]
    notes = [*(line for lr in found for line in lr.notes(stems)), *outside, *images.notes]
    return Source(hr, files, set_of_folder(hr, root), False, root, degradation, tuple(found), tuple(notes))


def _check_stems(files: Sequence[Path], lr: LRFolder) -> None:
    """Raises SrlabError where two HR images would have the same LR file."""
    by_stem: dict[str, Path] = {}
    for path in files:
        other = by_stem.setdefault(path.stem, path)
        if other != path:
            raise SrlabError(f"{path} and {other}: both belong to {lr.files(path.stem)[0]}. Rename one of them.")
