"""Folders of LR files beside their HR images: LR_bicubic/X2 and the like, and the naming of the files in them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from srlab.data.catalog import CatalogEntry
from srlab.imaging.files import SUFFIXES


@dataclass(frozen=True)
class LRFolder:
    """The LR files of one degradation and scale. name: of a file, with {stem}, {scale} and {version}."""

    folder: Path
    degradation: str
    scale: int
    name: str
    versions: int = 1

    def files(self, stem: str) -> list[Path]:
        """Of one HR image, as they are or would be."""
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
    """The LR folders of a set that are there."""
    found = []
    for degradation, track in entry.tracks.items():
        for scale, pattern in track.paths.items():
            path = root / pattern.format(scale=scale, stem="{stem}", version="{version}")
            if path.parent.is_dir():
                found.append(LRFolder(path.parent, degradation, scale, path.name, track.versions))
    return found


def folders_beside(folder: Path) -> list[LRFolder]:
    """LR_*/X* within a folder; their files are named STEMxSCALE, or as their HR images."""
    found = []
    for path in sorted(folder.glob("LR_*/X*")):
        scale = re.fullmatch(r"X(\d+)", path.name)
        files = sorted(file for file in path.glob("*") if file.suffix.lower() in SUFFIXES)
        if scale is not None and files:
            marked = any(file.stem.endswith(f"x{scale[1]}") for file in files)
            name = "{stem}" + ("x{scale}" if marked else "") + files[0].suffix
            found.append(LRFolder(path, path.parent.name.removeprefix("LR_"), int(scale[1]), name))
    return found
