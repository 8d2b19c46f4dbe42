"""The sets that srlab knows: what they are, where their files lie under data.root, and where to get them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from srlab.errors import SrlabError, nearest
from srlab.imaging.files import list_images

TABLE = Path(__file__).with_name("catalog.yaml")
DEGRADATIONS = ("bicubic", "unknown", "mild", "difficult", "wild")


@dataclass(frozen=True)
class Track:
    """The LR files of one degradation.

    paths: scale -> path under data.root with {stem}, {scale}, and {version} (from 1) where an HR image has several LR
    images. A `*` stands for what is not known of a name. versions: LR images for every HR image.
    """

    paths: dict[int, str]
    versions: int = 1


@dataclass(frozen=True)
class Archive:
    """A zip or tar file to download.

    bytes: its size, where known. sha256, md5: at least one of them. hr: whether it has the HR images. inside: its
    folders of HR images, by their last components; () for those of the set's own folder. lr: degradation -> scales.
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

    what: one sentence on it. count: how many images the published set has. role: train, valid, test, or benchmark for
    those that are measured by default. folders: accepted folders of its HR images under data.root; the first is where
    it is fetched to. tracks: degradation -> LR files. how: where to get it and where to put it, if it has no archives.
    overlaps: other set -> what they share. parts: the sets that make it up, for one that has no folder of its own.
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
        """Its LR files of that degradation; None where there are none, or only by its parts."""
        return self.tracks.get(degradation)

    def get_it(self, root: Path, again: bool = False) -> str:
        """What to do to have the set under data.root=root, as the beginning of a sentence."""
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
    """The set of that name or alias; None for any other word."""
    key = name.lower()
    return CATALOG.get(key) or next((entry for entry in CATALOG.values() if key in entry.aliases), None)


def find_set(name: str, others: Sequence[str] = ()) -> CatalogEntry:
    """The entry of that name or alias. Raises SrlabError for an unknown one; others: what could have been meant too."""
    entry = known_set(name)
    if entry is None:
        known = [*CATALOG, *others]
        raise SrlabError(f"'{name}' is not a set ({', '.join(known)}).{nearest(name.lower(), known)}")
    return entry


def parts_of(entry: CatalogEntry) -> list[CatalogEntry]:
    """The sets that have the files: its parts, or itself."""
    return [CATALOG[part] for part in entry.parts] or [entry]


def folder_of(entry: CatalogEntry, root: Path) -> Path | None:
    """The set's HR folder: the first of those accepted that is there, or None."""
    return next((root / folder for folder in entry.folders if (root / folder).is_dir()), None)


def present(entry: CatalogEntry, root: Path) -> bool:
    """Whether the set's HR folder, or that of each of its parts, is there."""
    return all(folder_of(part, root) is not None for part in parts_of(entry))


def hr_folder(entry: CatalogEntry, root: Path) -> Path:
    """The set's HR folder. Raises SrlabError, with how to get the set, if it is not there."""
    folder = folder_of(entry, root)
    if folder is None:
        raise SrlabError(
            f"{entry.name}: {root / entry.folders[0]} is not there. {entry.get_it(root)}, "
            f"or say where it is: data.root=DIR, or SRLAB_DATA in the environment."
        )
    return folder


def hr_files(entry: CatalogEntry, root: Path) -> list[Path]:
    """The HR images of a set that has a folder, sorted. Raises SrlabError where it is missing or not whole."""
    folder = hr_folder(entry, root)
    files = list_images(folder)
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
    """Where the LR file of an image is, or would be; None where the set has no files of that kind.

    What has no file is made from HR where it is bicubic. Of any other degradation it raises SrlabError for a file that
    is missing, and for a degradation or a scale of it that the set does not have.
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
    """What is said of images that have no LR files of a degradation."""
    if degradation not in DEGRADATIONS:
        hint = nearest(degradation, DEGRADATIONS)
        return SrlabError(f"data.degradation={degradation}: expected one of {', '.join(DEGRADATIONS)}.{hint}")
    having = ", ".join(sets_with(degradation))
    return SrlabError(f"{name}: it has no LR images of data.degradation={degradation}. Those that have: {having}.")


def sets_with(degradation: str) -> list[str]:
    """The names of the sets that have LR files of that degradation, in all their parts."""
    return [e.name for e in CATALOG.values() if all(part.track(degradation) for part in parts_of(e))]


def set_of_folder(folder: Path, root: Path) -> CatalogEntry | None:
    """The set whose HR folder this is, or None."""
    there = folder.expanduser().resolve()
    return next((e for e in CATALOG.values() for f in e.folders if (root / f).resolve() == there), None)


def shared_images(first: CatalogEntry, second: CatalogEntry) -> str | None:
    """What two sets have in common, or None as far as is known."""
    for a in parts_of(first):
        for b in parts_of(second):
            if a.name == b.name:
                return "it is the same set" if first.name == second.name else f"{a.title} is a part of both"
            for one, other in ((a, b), (b, a)):
                reason = one.overlaps.get(other.name)
                if reason is not None:
                    return f"{one.title}: {reason}"
    return None


def overlap_warnings(trained: Iterable[CatalogEntry], evaluated: Iterable[CatalogEntry]) -> list[str]:
    """A line for every set that is trained on although images of it are measured."""
    measured = list(evaluated)
    lines = [
        f"warning: {one.name} is trained on and {other.name} is measured, but they share images ({reason}): the "
        f"numbers are not those of unseen images."
        for one in trained
        for other in measured
        if (reason := shared_images(one, other)) is not None
    ]
    return list(dict.fromkeys(lines))
