"""The catalog of sets: what each one is, where its files are under data.root, and where to get it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from srlab.errors import SrlabError, nearest
from srlab.imaging.folders import content_of

TABLE = Path(__file__).with_name("catalog.yaml")
DEGRADATIONS = ("bicubic", "unknown", "mild", "difficult", "wild")  # of which sets have LR files


@dataclass(frozen=True)
class Track:
    """The LR files of one degradation.

    Attributes:
        paths: scale -> path under data.root with {stem}, {scale}, and {version} (from 1) where an HR image has several
            LR images. `*` matches any part of a file name that is not known.
        versions: LR images for every HR image.
    """

    paths: dict[int, str]
    versions: int = 1


@dataclass(frozen=True)
class Archive:
    """A zip or tar file to download.

    Attributes:
        url: where it is.
        bytes: its size, where known.
        sha256: hash, hexadecimal; it or `md5` is given.
        md5: as sha256.
        hr: whether it has the HR images.
        inside: last components of the paths of its folders of HR images; () if they are those of the set's own folder.
        lr: degradation -> scales of its LR images.
    """

    url: str
    bytes: int | None = None
    sha256: str | None = None
    md5: str | None = None
    hr: bool = False
    inside: tuple[str, ...] = ()
    lr: dict[str, list[int]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.url.rpartition("/")[2]


@dataclass(frozen=True)
class CatalogEntry:
    """One set of images.

    Attributes:
        name: as options name it.
        title: as papers name it.
        what: one sentence about it.
        count: number of HR images that the published set has.
        role: train, valid, test, or benchmark for those that are measured by default.
        licence: as far as it is on record.
        folders: accepted folders of its HR images under data.root; it is fetched into the first.
        tracks: degradation -> LR files.
        archives: what to download.
        how: where to get it and where to put it, for a set without archives.
        overlaps: another set -> the images that they share.
        parts: sets that this one consists of; it has no folder of its own then.
        aliases: other names that options accept.
        notes: what a user should know.
    """

    name: str
    title: str
    what: str
    count: int
    role: str
    licence: str
    folders: tuple[str, ...] = ()
    tracks: dict[str, Track] = field(default_factory=dict)
    archives: tuple[Archive, ...] = ()
    how: str = ""
    overlaps: dict[str, str] = field(default_factory=dict)
    parts: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def track(self, degradation: str) -> Track | None:
        """Returns its LR files of a degradation; None where there are none, or where its parts have them."""
        return self.tracks.get(degradation)

    def get_it(self, root: Path, again: bool = False) -> str:
        """Returns how to get the set, as the beginning of a sentence.

        Args:
            root: data.root.
            again: whether something of it is there already.
        """
        if self.how:
            return f"Get it ({' '.join(self.how.split())})"
        command = f"srlab data fetch {self.name} data.root={root}{' force=true' if again else ''}"
        return f"Fetch it{' again' if again else ''} ({command})"


def _entry(name: str, given: dict[str, Any]) -> CatalogEntry:
    """One set of the table."""
    given = {key: tuple(value) if isinstance(value, list) else value for key, value in given.items()}
    tracks = {
        degradation: Track(
            {scale: rule["path"] for rule in rules for scale in rule["scales"]},
            max(rule.get("versions", 1) for rule in rules),
        )
        for degradation, rules in given.pop("lr", {}).items()
    }
    archives = tuple(
        Archive(**{**archive, "inside": tuple(archive.get("inside", ()))}) for archive in given.pop("archives", ())
    )
    return CatalogEntry(name=name, count=given.pop("images"), tracks=tracks, archives=archives, **given)


def _load() -> dict[str, CatalogEntry]:
    table: Any = OmegaConf.to_container(OmegaConf.load(TABLE))
    return {name: _entry(name, given) for name, given in table.items()}


CATALOG = _load()
BENCHMARKS = tuple(entry.name for entry in CATALOG.values() if entry.role == "benchmark")


def known_set(name: str) -> CatalogEntry | None:
    """Returns the set of a name or alias; None for any other word."""
    key = name.lower()
    return CATALOG.get(key) or next((entry for entry in CATALOG.values() if key in entry.aliases), None)


def title_of(name: str) -> str:
    """Returns a set's name as papers write it; of a set that the catalog does not have, the name itself."""
    entry = known_set(name)
    return name if entry is None else entry.title


def find_set(name: str, others: Sequence[str] = ()) -> CatalogEntry:
    """Returns the set of a name or alias.

    Args:
        name: in any case.
        others: words that could have been meant instead of a set's name.

    Raises:
        SrlabError: no set has that name.
    """
    entry = known_set(name)
    if entry is None:
        known = [*CATALOG, *others]
        raise SrlabError(f"'{name}' is not a set ({', '.join(known)}).{nearest(name.lower(), known)}")
    return entry


def parts_of(entry: CatalogEntry) -> list[CatalogEntry]:
    """Returns the parts of a set, or the set itself if it has none."""
    return [CATALOG[part] for part in entry.parts] or [entry]


def folder_of(entry: CatalogEntry, root: Path) -> Path | None:
    """Returns the first of a set's accepted HR folders that exists, or None."""
    return next((root / folder for folder in entry.folders if (root / folder).is_dir()), None)


def present(entry: CatalogEntry, root: Path) -> bool:
    """Tells whether a set's HR folder, or that of each of its parts, exists."""
    return all(folder_of(part, root) is not None for part in parts_of(entry))


def hr_folder(entry: CatalogEntry, root: Path) -> Path:
    """Returns a set's HR folder. Raises SrlabError, which says how to get the set, if there is none."""
    folder = folder_of(entry, root)
    if folder is None:
        raise SrlabError(
            f"{entry.name}: {root / entry.folders[0]} is not there. {entry.get_it(root)}, "
            f"or say where it is: data.root=DIR, or SRLAB_DATA in the environment."
        )
    return folder


def hr_files(entry: CatalogEntry, root: Path) -> list[Path]:
    """Returns the HR images of a set without parts, sorted. Raises SrlabError if the set is missing or incomplete."""
    folder = hr_folder(entry, root)
    files = content_of(folder).images
    if len(files) != entry.count:
        remedy = entry.get_it(root, again=True)
        if entry.role == "train":
            remedy += f", or train on the folder as it is: data=folder 'data.train=[{folder}]'"
        raise SrlabError(
            f"{entry.name}: {folder} has {len(files)} images, but {entry.title} has {entry.count}; numbers from "
            f"another set would not compare. {remedy}"
        )
    return files


def lr_file(entry: CatalogEntry, root: Path, degradation: str, scale: int, stem: str, version: int = 1) -> Path | None:
    """Finds the LR file of an HR image.

    Args:
        entry: a set without parts.
        root: data.root.
        degradation: one of DEGRADATIONS.
        scale: HR over LR side.
        stem: name of the HR file, without suffix.
        version: from 1, where an HR image has several LR images.

    Returns:
        Where the file is. For bicubic it may be missing, and None means that the set has no bicubic LR files: the LR
        image is made from HR in both cases.

    Raises:
        SrlabError: the degradation is not bicubic, and the set does not have it, or not this scale, or not the file.
    """
    track = entry.track(degradation)
    if track is None:
        if degradation == "bicubic":
            return None
        raise no_track(entry.name, degradation)
    pattern = track.paths.get(scale)
    if pattern is None:
        pattern = next(iter(track.paths.values()))
        if degradation != "bicubic":
            has = " and ".join(f"x{s}" for s in track.paths)
            raise SrlabError(f"{entry.name}: data.degradation={degradation} has LR images of {has}, not of x{scale}.")
    path = root / pattern.format(scale=scale, stem=stem, version=version)
    path = next(iter(sorted(path.parent.glob(path.name))), path) if "*" in pattern else path
    if degradation != "bicubic" and not path.is_file():
        raise SrlabError(
            f"{path}: no such LR file, and {degradation} LR cannot be made from HR. Fetch it: srlab data "
            f"fetch {entry.name} data.degradation={degradation} scale={scale} data.root={root}"
        )
    return path


def no_track(name: str, degradation: str) -> SrlabError:
    """Returns the error for images that have no LR files of a degradation, or for a degradation that does not exist."""
    if degradation not in DEGRADATIONS:
        hint = nearest(degradation, DEGRADATIONS)
        return SrlabError(f"data.degradation={degradation}: expected one of {', '.join(DEGRADATIONS)}.{hint}")
    having = ", ".join(sets_with(degradation))
    return SrlabError(f"{name}: it has no LR images of data.degradation={degradation}. Those that have: {having}.")


def sets_with(degradation: str) -> list[str]:
    """Returns the names of the sets that have LR files of a degradation, in all their parts."""
    return [e.name for e in CATALOG.values() if all(part.track(degradation) for part in parts_of(e))]


def set_of_folder(folder: Path, root: Path) -> CatalogEntry | None:
    """Returns the set whose HR folder this is, or None."""
    there = folder.expanduser().resolve()
    return next((e for e in CATALOG.values() for f in e.folders if (root / f).resolve() == there), None)
