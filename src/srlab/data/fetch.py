"""Fetches sets of the catalog: downloads and checks archives, and unpacks them into data.root."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from filelock import FileLock, Timeout
from rich.progress import Progress

from srlab.data.catalog import Archive, CatalogEntry, folder_of, no_track, parts_of
from srlab.data.download import Download
from srlab.data.unpack import Member, Wanted, opened, unpack
from srlab.errors import SrlabError
from srlab.imaging.files import image_size
from srlab.imaging.folders import content_of

DOWNLOADS = "downloads"  # folder under data.root, of archives that are being downloaded
LOCK = ".fetch.lock"  # under data.root, so that it holds for every user and machine that fetches there


@dataclass(frozen=True)
class Choice:
    """What to fetch, and how.

    Attributes:
        degradations: of the LR files to fetch; None for those that are in the archive of the HR images.
        scales: of the LR files; None for all.
        mirror: URL of a folder, used instead of the official one.
        force: whether to replace what is there.
        keep: whether to keep the archives.
        wait: seconds before a lost connection is tried again.
    """

    degradations: tuple[str, ...] | None = None
    scales: tuple[int, ...] | None = None
    mirror: str | None = None
    force: bool = False
    keep: bool = False
    wait: float = 1.0


@dataclass(frozen=True)
class Target:
    """A folder under data.root, and the images of an archive that belong there."""

    entry: CatalogEntry
    archive: Archive
    folder: Path
    wanted: Wanted

    def found(self) -> int | None:
        """Returns how many of its images exist; None if the folder is missing or empty."""
        if not self.folder.is_dir() or not any(self.folder.iterdir()):
            return None
        return sum(fnmatchcase(path.name, self.wanted.names) for path in content_of(self.folder).images)


def fetch(entries: Sequence[CatalogEntry], root: Path, choice: Choice, progress: Progress) -> list[str]:
    """Fetches sets. Each archive is downloaded once, and a folder appears complete or not at all.

    Args:
        entries: the sets.
        root: data.root.
        choice: what to fetch of them.
        progress: shows the progress.

    Returns:
        A line for every folder.

    Raises:
        SrlabError: a set cannot be fetched, an archive does not hold the set, or a folder exists but is incomplete.
    """
    targets = [target for entry in entries for part in parts_of(entry) for target in plan(part, root, choice)]
    lines: list[str] = []
    missing: dict[str, list[Target]] = {}  # by the archive's URL, which several sets may share
    for target in {target.folder: target for target in targets}.values():
        found = None if choice.force else target.found()
        if found is None:
            missing.setdefault(target.archive.url, []).append(target)
        elif found == target.wanted.count:
            lines.append(f"{target.folder} is there: {found} images")
        else:
            raise SrlabError(
                f"{target.entry.name}: {target.folder} has {found} images, but there must be {target.wanted.count}. "
                f"Remove it, or have it replaced with force=true."
            )
    if missing:
        with _alone(root):
            for group in missing.values():
                lines += _fetch_archive(group, root, choice, progress)
    return lines


def plan(entry: CatalogEntry, root: Path, choice: Choice) -> list[Target]:
    """Returns the folders of one set that a fetch fills. Raises SrlabError if the set cannot be fetched."""
    if not entry.archives:
        raise SrlabError(f"{entry.name} cannot be fetched: {' '.join(entry.how.split())}.")
    degradations = choice.degradations
    for degradation in degradations or ():
        _check_track(entry, degradation, choice.scales)
    targets = []
    for archive in entry.archives:
        if archive.hr:
            inside = archive.inside or (_inside(Path(entry.folders[0])),)
            folder = folder_of(entry, root) or root / entry.folders[0]
            targets.append(Target(entry, archive, folder, Wanted(inside, "*", entry.count)))
        for degradation, scales in archive.lr.items():
            chosen = archive.hr if degradations is None else degradation in degradations
            targets += [
                _lr_target(entry, archive, root, degradation, scale)
                for scale in scales
                if chosen and (choice.scales is None or scale in choice.scales)
            ]
    return targets


def _check_track(entry: CatalogEntry, degradation: str, scales: tuple[int, ...] | None) -> None:
    track = entry.track(degradation)
    if track is None:
        raise no_track(entry.name, degradation)
    lacking = sorted(set(scales or ()) - set(track.paths))
    if lacking:
        has = ", ".join(f"x{scale}" for scale in track.paths)
        raise SrlabError(f"scale={lacking[0]}: {entry.name} has {degradation} LR images of {has}.")


def _lr_target(entry: CatalogEntry, archive: Archive, root: Path, degradation: str, scale: int) -> Target:
    track = entry.tracks[degradation]
    path = Path(track.paths[scale].format(stem="*", scale=scale, version="*"))
    return Target(
        entry, archive, root / path.parent, Wanted((_inside(path.parent),), path.name, entry.count * track.versions)
    )


def _inside(folder: Path) -> str:
    """Returns the archive's folder for a folder under data.root: the same path without its first component."""
    return "/".join(folder.parts[1:])


def _fetch_archive(targets: Sequence[Target], root: Path, choice: Choice, progress: Progress) -> list[str]:
    """Fills the folders whose images are in one archive."""
    archive = targets[0].archive
    download = Download(archive, root / DOWNLOADS, choice.mirror, wait=choice.wait)
    if choice.force:
        download.discard()
    _check_space(root, 2 * (archive.bytes or 0) - download.received, archive.name)
    path = download.run(progress)
    try:
        with opened(path) as members:
            size = sum(m.size for m in members if any(target.wanted.takes(m.path) for target in targets))
            _check_space(root, size, archive.name)
            partials = [_unpack(target, members, path, progress) for target in targets]
        for target, partial in zip(targets, partials, strict=True):
            _install(partial, target.folder)
    finally:
        for target in targets:
            shutil.rmtree(_partial(target.folder), ignore_errors=True)
    if not choice.keep:
        path.unlink()
    return [f"{target.folder}: {target.wanted.count} images" for target in targets]


def _partial(folder: Path) -> Path:
    """Returns the temporary folder to unpack into: on the same disk as the final one, so that it can be renamed."""
    return folder.with_name(f".fetching-{folder.name}")


def _unpack(target: Target, members: list[Member], archive: Path, progress: Progress) -> Path:
    partial = _partial(target.folder)
    shutil.rmtree(partial, ignore_errors=True)  # left by a fetch that was killed
    task = progress.add_task(f"unpacking {target.folder.name}", total=None)
    try:
        unpack(members, target.wanted, partial)
    except SrlabError as error:
        raise SrlabError(f"{archive} is not {target.entry.title}: {error}") from None
    finally:
        progress.remove_task(task)
    for path in sorted(partial.iterdir()):
        image_size(path)
    return partial


def _install(partial: Path, folder: Path) -> None:
    """Moves a complete folder to its place. An old one is deleted only afterwards."""
    old = folder.with_name(f".replaced-{folder.name}")
    shutil.rmtree(old, ignore_errors=True)
    if folder.is_dir():
        folder.rename(old)
    partial.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def _check_space(root: Path, needed: int, name: str) -> None:
    """Raises SrlabError if fewer than `needed` bytes are free."""
    free = shutil.disk_usage(next(path for path in (root, *root.resolve().parents) if path.exists())).free
    if free < needed:
        raise SrlabError(
            f"{root}: {name} needs {needed / 1e9:.1f} GB there, unpacked, and {free / 1e9:.1f} GB are free. "
            f"Free some space, or fetch to another disk with data.root=DIR."
        )


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Makes the folder of downloads for one fetch at a time, and removes it if it is empty in the end.

    Raises:
        SrlabError: another process is at work there. A process that is killed lets go of the lock.
    """
    folder = root / DOWNLOADS
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(root / LOCK, timeout=0):
            try:
                yield
            finally:
                with suppress(OSError):  # archives are kept there
                    folder.rmdir()
                with suppress(OSError):  # Windows does not remove an open file
                    (root / LOCK).unlink()
    except Timeout:
        raise SrlabError(
            f"{folder}: another fetch is at work there. Wait for it, or choose another data.root."
        ) from None
