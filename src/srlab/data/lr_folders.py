"""Folders of LR files beside their HR images, such as LR_bicubic/X2, and how the files in them are named."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from srlab.data.catalog import CatalogEntry
from srlab.errors import SrlabError
from srlab.imaging.folders import content_of, passed_over

SHOWN = 4  # names of files in an error


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

    def notes(self, stems: Sequence[str]) -> list[str]:
        """Returns lines about files in the folder that belong to none of the HR images of these stems, or are none."""
        used, content = {path for stem in stems for path in self.files(stem)}, content_of(self.folder)
        lines = passed_over(self.folder, [content])
        if lost := [path for path in content.images if path not in used]:
            lines.append(
                f"note: {self.folder}: {len(lost)} LR file(s) are not used, such as {lost[0].name}; expected names "
                f"like {self.files(stems[0])[0].name} for {stems[0]}."
            )
        return lines


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
        files = content_of(path).images
        if files:
            scale = int(path.name[1:])
            marked = any(file.stem.endswith(f"x{scale}") for file in files)
            name = "{stem}" + ("x{scale}" if marked else "") + files[0].suffix
            found.append(LRFolder(path, _degradation_of(path.parent), scale, name))
    return found


def outside_scales(folder: Path, degradation: str | None = None) -> list[str]:
    """Returns lines where LR_DEGRADATION, or any LR_..., of a user's own HR images holds images beside XSCALE/."""
    return [
        f"note: {lr}: {len(images)} LR file(s) are not used, such as {images[0].name}; expected in a folder of their "
        f"scale, such as {lr.name}/X2."
        for lr in sorted(_lr_folders(folder))
        if degradation in (None, _degradation_of(lr)) and (images := content_of(lr).images)
    ]


def _degradation_of(folder: Path) -> str:
    return re.split("LR_", folder.name, flags=re.IGNORECASE)[-1].lower()


def _folders_with_scale(folder: Path) -> Iterator[Path]:
    for lr in _lr_folders(folder):
        yield from (path for path in lr.iterdir() if re.fullmatch(r"[Xx]\d+", path.name) and path.is_dir())


def _lr_folders(folder: Path) -> Iterator[Path]:
    places, full = [(folder, "")], folder.absolute()
    if full.name.upper().endswith("HR"):
        places.append((full.parent, full.name[:-2]))
    for place, prefix in places:
        for lr in place.iterdir():
            if re.fullmatch(re.escape(prefix) + r"LR_\w+", lr.name, re.IGNORECASE) and lr.is_dir():
                yield lr


def all_or_none(paths: Sequence[Path | None], scale: int) -> list[Path]:
    """Returns the LR files of a set if all are there, or no file if none is.

    Raises:
        SrlabError: some are there and others are missing.
    """
    wanted = [path for path in paths if path is not None]  # images of several folders may have LR files in some only
    there = [path for path in wanted if path.is_file()]
    if there and len(there) < len(wanted):
        lost = [path for path in wanted if not path.is_file()]
        raise SrlabError(
            f"{listed(lost, len(wanted))}: missing, while {len(there)} other LR files of x{scale} are there."
            f"{instead_of(lost[0])} Get the set again, or remove its LR folder to have all of them made from HR."
        )
    return there


def listed(lost: Sequence[Path], of: int) -> str:
    """Names files that are missing: the first by its path, some by their names, and how many of all there are."""
    if len(lost) == 1:
        return str(lost[0])
    names = [str(lost[0]), *(path.name for path in lost[1:SHOWN])]
    more = f" and {len(lost) - SHOWN} more" if len(lost) > SHOWN else ""
    return f"{', '.join(names)}{more} ({len(lost)} of {of})"


def instead_of(lost: Path) -> str:
    """Returns a sentence about a file that is there under a name like that of a missing one; '' if there is none."""
    if not lost.parent.is_dir():
        return ""
    images = content_of(lost.parent).images
    like = next((path for path in images if _plain(path) == _plain(lost) and path.name != lost.name), None)
    return f" There is {like.name}; expected {lost.name}." if like is not None else ""


def _plain(path: Path) -> str:
    """Returns a file's name in lower case, without its suffix and without its scale."""
    return re.sub(r"x\d+$", "", path.stem.lower())
