"""Unpacks chosen image files of zip and tar archives, safely: no path of an archive is ever followed."""

import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import IO

from srlab.errors import SrlabError
from srlab.imaging.folders import SUFFIXES, is_ignored

BROKEN = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, NotImplementedError)


@dataclass(frozen=True)
class Member:
    """A file of an archive. size: in bytes, unpacked."""

    path: PurePosixPath
    size: int
    open: Callable[[], IO[bytes]]


@dataclass(frozen=True)
class Wanted:
    """Which images of an archive to unpack, and how many there must be.

    Attributes:
        inside: folders of the archive, by the last components of their paths.
        names: pattern of the file names, such as "*x2.png".
        count: number of images.
    """

    inside: tuple[str, ...]
    names: str
    count: int

    def takes(self, path: PurePosixPath) -> bool:
        if path.suffix.lower() not in SUFFIXES or is_ignored(path.name) or "__MACOSX" in path.parts:
            return False
        folder = f"/{path.parent}"
        return fnmatchcase(path.name, self.names) and any(folder.endswith(f"/{inside}") for inside in self.inside)

    def __str__(self) -> str:
        return f"{self.count} images in {' and '.join(f'{inside}/{self.names}' for inside in self.inside)}"


@contextmanager
def opened(archive: Path) -> Iterator[list[Member]]:
    """Opens a zip or tar archive and gives its files.

    Raises:
        SrlabError: it is neither, has a password, is broken (also if that shows only while its files are read), or
            holds a path that would leave the folder into which it is unpacked.
    """
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as zipped:
                infos = [info for info in zipped.infolist() if not info.is_dir()]
                if any(info.flag_bits & 1 for info in infos):
                    raise SrlabError(f"{archive}: has a password. Get the published file.")
                yield [_of_zip(zipped, info) for info in infos]
        elif tarfile.is_tarfile(archive):
            with tarfile.open(archive) as tar:
                yield [_of_tar(tar, info) for info in tar if info.isfile()]
        else:
            with archive.open("rb") as file:
                raise SrlabError(f"{archive}: neither a zip nor a tar file; it begins with {file.read(24)!r}.")
    except BROKEN as error:
        raise SrlabError(f"{archive}: broken ({error}). Remove it and fetch it again.") from error


def _of_zip(zipped: zipfile.ZipFile, info: zipfile.ZipInfo) -> Member:
    return Member(_inner_path(zipped.filename, info.filename), info.file_size, lambda: zipped.open(info))


def _of_tar(tar: tarfile.TarFile, info: tarfile.TarInfo) -> Member:
    def read() -> IO[bytes]:
        file = tar.extractfile(info)
        assert file is not None  # a regular file has content
        return file

    return Member(_inner_path(str(tar.name), info.name), info.size, read)


def _inner_path(archive: str | None, name: str) -> PurePosixPath:
    """Returns the path of a file in an archive. Raises SrlabError if it would leave the folder to unpack into."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or (path.parts and path.parts[0].endswith(":")):
        raise SrlabError(f"{archive}: holds the path {name}, which leads out of it. Nothing was unpacked.")
    return path


def unpack(members: list[Member], wanted: Wanted, folder: Path) -> None:
    """Writes the wanted images into one folder, without the archive's folders.

    Raises:
        SrlabError: their number is wrong; the message says what the archive holds.
    """
    chosen = [member for member in members if wanted.takes(member.path)]
    if not len(chosen) == len({member.path.name for member in chosen}) == wanted.count:
        raise SrlabError(f"expected {wanted}, found {len(chosen)}; it holds {contents(members)}.")
    folder.mkdir(parents=True)
    for member in chosen:
        with member.open() as source, (folder / member.path.name).open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)


def contents(members: list[Member], most: int = 6) -> str:
    """Lists the folders of an archive as 'a/ (3 files), b/ (1 file)'."""
    folders: dict[str, int] = {}
    for member in members:
        folders[str(member.path.parent)] = folders.get(str(member.path.parent), 0) + 1
    listed = [f"{name}/ ({count} file{'s' * (count > 1)})" for name, count in sorted(folders.items())]
    more = [f"and {len(listed) - most} more folders"] if len(listed) > most else []
    return ", ".join(listed[:most] + more) or "nothing"
