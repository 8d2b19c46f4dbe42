"""Folders of LR files beside their HR images, such as LR_bicubic/X2, and how the files in them are named."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from srlab.data.catalog import CatalogEntry
from srlab.errors import SrlabError
from srlab.imaging.files import SUFFIXES


@dataclass(frozen=True)
class LRFolder:
    """The LR files of one degradation and scale.

    Attributes:
        folder: where they are.
        degradation: what made them, by the folder's name.
        scale: HR over LR side.
        name: of a file, with {stem}, {scale} and {version}.
        versions: LR images for every HR image.
    """

    folder: Path
    degradation: str
    scale: int
    name: str
    versions: int = 1

    def files(self, stem: str) -> list[Path]:
        """Returns where the LR files of one HR image are, or would be."""
        return [self._file(stem, version) for version in range(1, self.versions + 1)]

    def _file(self, stem: str, version: int) -> Path:
        name = self.name.format(stem=stem, scale=self.scale, version=version)
        path = self.folder / name
        return next(iter(sorted(self.folder.glob(name))), path) if "*" in self.name else path

    def __str__(self) -> str:
        return f"LR {self.degradation} x{self.scale}"

    def unused(self, stems: Sequence[str]) -> list[Path]:
        """Returns the image files in the folder that belong to none of the HR images of these stems, sorted."""
        used = {path for stem in stems for path in self.files(stem)}
        there = (path for path in self.folder.iterdir() if path.suffix.lower() in SUFFIXES)
        return sorted(path for path in there if path not in used)


def folders_of_set(entry: CatalogEntry, root: Path) -> list[LRFolder]:
    """Returns the LR folders of a set that are there."""
    found = []
    for degradation, track in entry.tracks.items():
        for scale, pattern in track.paths.items():
            path = root / pattern.format(scale=scale, stem="{stem}", version="{version}")
            if path.parent.is_dir():
                found.append(LRFolder(path.parent, degradation, scale, path.name, track.versions))
    return found


def folders_beside(folder: Path) -> list[LRFolder]:
    """Finds the LR folders of a user's own HR images: LR_DEGRADATION/XSCALE, in upper or lower case.

    Args:
        folder: holds HR images, or holds them in HR/. Where its own name ends in HR, the LR folders may also lie beside
            it, under the same name with LR: photos/HR and photos/LR_bicubic/X2, or a_HR and a_LR_bicubic/X2.

    Returns:
        The folders that hold images. These are named as their HR images, or STEMxSCALE.
    """
    found = []
    for path in sorted(_folders_with_scale(folder)):
        files = sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES)
        if files:
            scale = int(path.name[1:])
            marked = any(file.stem.endswith(f"x{scale}") for file in files)
            name = "{stem}" + ("x{scale}" if marked else "") + files[0].suffix
            found.append(LRFolder(path, re.split("LR_", path.parent.name, flags=re.IGNORECASE)[-1], scale, name))
    return found


def _folders_with_scale(folder: Path) -> Iterator[Path]:
    places, full = [(folder, "")], folder.absolute()
    if full.name.upper().endswith("HR"):
        places.append((full.parent, full.name[:-2]))
    for place, prefix in places:
        for lr in place.iterdir():
            if re.fullmatch(re.escape(prefix) + r"LR_\w+", lr.name, re.IGNORECASE) and lr.is_dir():
                yield from (path for path in lr.iterdir() if re.fullmatch(r"[Xx]\d+", path.name) and path.is_dir())


def all_or_none(paths: Sequence[Path | None], scale: int) -> list[Path]:
    """Returns the LR files of a set if all are there, or no file if none is.

    Raises:
        SrlabError: some are there and others are missing.
    """
    there = [path for path in paths if path is not None and path.is_file()]
    if there and len(there) < len(paths):
        lost = next(path for path in paths if path not in there)
        raise SrlabError(
            f"{lost}: missing, while {len(there)} other LR files of x{scale} are there. Get the set again, or remove "
            f"its LR folder to have all of them made from HR."
        )
    return there
