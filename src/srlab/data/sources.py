"""Where images come from: folders and sets, and the LR files that lie beside them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from srlab.data.catalog import CATALOG, CatalogEntry, hr_files, known_set, lr_file, no_track, parts_of, set_of_folder
from srlab.data.degradations import BICUBIC, find_degradation
from srlab.data.image_sets import Picture
from srlab.data.lr_folders import LRFolder, folders_beside
from srlab.errors import SrlabError, nearest
from srlab.imaging.files import SUFFIXES, list_images, read_image


@dataclass(frozen=True)
class Source:
    """Image files of one folder, or of one set of the catalog, which may have LR files too.

    Attributes:
        files: HR images.
        entry: the set that the images are, also where its folder was named instead of the set.
        named: whether it was named as a set, whose LR files the catalog knows.
        root: data.root.
        degradation: of the LR images.
        lr_folders: LR files of a folder's own, of this degradation.
        notes: lines to be said once, such as LR files that are not used.
    """

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
        """Where the LR file of one of its images is, or would be; None where it is made from HR."""
        if not from_files(self.degradation):
            return None
        for folder in self.lr_folders:
            if folder.scale == scale:
                return folder.files(path.stem)[version - 1]
        if self.entry is None or not self.named:
            return None
        return lr_file(self.entry, self.root, self.degradation, scale, path.stem, version)

    def without(self, files: Collection[Path]) -> "Source":
        return replace(self, files=tuple(path for path in self.files if path not in files))

    def pictures(self, files: Collection[Path]) -> list[Picture]:
        """Those of its images that are among the files, to validate on."""
        return [
            Picture(str(path), partial(read_image, path), partial(self.lr_path, path))
            for path in self.files
            if path in files
        ]


def from_files(degradation: str) -> bool:
    """Tells whether LR files are used where they are there; blur_down and noise_down are always made from HR."""
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
    return [Source(tuple(hr_files(part, root)), part, True, root, degradation) for part in parts]


def _folder(word: str, root: Path, degradation: str, recursive: bool) -> Source:
    """A folder of HR images, or one that has them in HR/; LR files in LR_DEGRADATION/XSCALE beside them."""
    folder = Path(word).expanduser()
    if not folder.is_dir():
        raise SrlabError(
            f"{word}: no such folder. Expected a folder of images ({', '.join(SUFFIXES)}), or one of the sets "
            f"{', '.join(CATALOG)}.{nearest(word.lower(), CATALOG)}"
        )
    hr = folder / "HR" if (folder / "HR").is_dir() else folder
    files = list_images(hr, recursive)
    found = [lr for lr in folders_beside(folder) if lr.degradation == degradation] if from_files(degradation) else []
    if find_degradation(degradation).needs_files and not found:
        raise no_track(word, degradation)
    notes = [*_unused(found, [path.stem for path in files]), *([] if recursive else _unread(hr))]
    return Source(tuple(files), set_of_folder(hr, root), False, root, degradation, tuple(found), tuple(notes))


def _unused(folders: Sequence[LRFolder], stems: Sequence[str]) -> list[str]:
    """A line for every LR folder with files that belong to no HR image."""
    return [
        f"note: {lr.folder}: {len(lost)} LR file(s) are not used, such as {lost[0].name}; expected names like "
        f"{lr.files(stems[0])[0].name} for {stems[0]}."
        for lr in folders
        if (lost := lr.unused(stems))
    ]


def _unread(folder: Path) -> list[str]:
    """A line where subfolders hold images that are not read."""
    below = [path for path in sorted(folder.iterdir()) if path.is_dir() and not path.name.startswith(("LR_", "."))]
    with_images = [path.name for path in below if any(file.suffix.lower() in SUFFIXES for file in path.iterdir())]
    if not with_images:
        return []
    return [f"note: {folder}: images in {', '.join(with_images[:4])} are not read; data.recursive=true reads them."]
