"""Folders of images: which of their files are read, and which only look like images. Every listing is made here."""

import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from srlab.errors import SrlabError

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm")
# What systems put into folders; macOS also puts a ._NAME beside every NAME on disks that are not its own.
SYSTEM_NAMES = frozenset(
    (".ds_store", "thumbs.db", "desktop.ini", "__macosx", "@eadir", "$recycle.bin", "system volume information")
)
SHOWN = 4  # names in a line


class Content(NamedTuple):
    """What is in one folder. All lists are sorted.

    Attributes:
        images: files named like images. A link that leads nowhere is among them, so that reading it names it.
        subfolders: folders that are neither hidden, nor a system's, nor links.
        ignored: a system's files and folders, and hidden files named like images.
        no_files: named like images, but pipes, sockets or devices, of which reading could wait for ever.
        others: all other files that are not hidden.
    """

    images: list[Path]
    subfolders: list[Path]
    ignored: list[Path]
    no_files: list[Path]
    others: list[Path]


def is_ignored(name: str) -> bool:
    """Tells whether a file or folder of this name is passed over: it is hidden or a system's."""
    return name.startswith(".") or name.lower() in SYSTEM_NAMES


def content_of(folder: Path, suffixes: Collection[str] = SUFFIXES) -> Content:
    """Sorts what is in a folder, subfolders not opened.

    Args:
        folder: where to look.
        suffixes: of images, in lower case.

    Raises:
        SrlabError: the folder cannot be read.
    """
    content = Content([], [], [], [], [])
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise SrlabError(f"{folder}: cannot be read ({error.strerror}).") from None
    for path in paths:
        named = path.suffix.lower() in suffixes
        kind = _kind(path)
        if is_ignored(path.name):
            if path.name.lower() in SYSTEM_NAMES or (named and kind != stat.S_IFDIR):
                content.ignored.append(path)
        elif kind == stat.S_IFDIR:
            if not path.is_symlink():
                content.subfolders.append(path)
        elif kind in (stat.S_IFREG, 0):
            (content.images if named else content.others).append(path)
        elif named:
            content.no_files.append(path)
    return content


def _kind(path: Path) -> int:
    """Returns what a path leads to, as `stat.S_IFMT` does; 0 where it leads nowhere."""
    try:
        return stat.S_IFMT(path.stat().st_mode)
    except OSError:
        return 0


def check_not_waiting(path: Path) -> None:
    """Raises SrlabError for a pipe, a socket or a device: reading from them could wait for ever."""
    try:
        kind = stat.S_IFMT(path.stat().st_mode)
    except OSError:  # opening it says what is wrong
        return
    if kind not in (stat.S_IFREG, stat.S_IFDIR):
        raise SrlabError(f"{path}: a pipe, a socket or a device; expected an image file.")


@dataclass(frozen=True)
class Listing:
    """The images of a folder.

    Attributes:
        images: sorted.
        notes: lines to be said once: what is passed over, and subfolders that are not read.
    """

    images: tuple[Path, ...]
    notes: tuple[str, ...]


def listing(folder: Path, recursive: bool = False) -> Listing:
    """Lists the images of a folder.

    Args:
        folder: where to look.
        recursive: whether its subfolders are read too. LR_... never is.

    Raises:
        SrlabError: there is no such folder, or no image in it.
    """
    if not folder.is_dir():
        raise SrlabError(f"{folder}: no such folder. Expected a folder of images ({', '.join(SUFFIXES)}).")
    contents = list(_contents(folder)) if recursive else [content_of(folder)]
    images = sorted(path for content in contents for path in content.images)
    below = [] if recursive else [path for path in _read_below(contents[0]) if _holds_images(path)]
    asked = "data.recursive=true reads them."
    if not images:
        hint = f" There are images in {_names(below)}; {asked}" if below else ""
        raise SrlabError(f"{folder}: no images. Expected files that end in {', '.join(SUFFIXES)}.{hint}")
    unread = [f"note: {folder}: images in {_names(below)} are not read; {asked}"] if below else []
    return Listing(tuple(images), (*passed_over(folder, contents), *unread))


def list_images(folder: Path, recursive: bool = False) -> list[Path]:
    """Returns the images of `listing`."""
    return list(listing(folder, recursive).images)


def passed_over(folder: Path, contents: Collection[Content]) -> list[str]:
    """Returns lines for a person about what is named like an image and is none.

    Args:
        folder: that the lines name.
        contents: of it, and of its subfolders where these are read.
    """
    ignored = [path for content in contents for path in content.ignored]
    no_files = [path for content in contents for path in content.no_files]
    lines = []
    if ignored:
        lines.append(f"note: {folder}: hidden files and those of systems are ignored ({_names(ignored)}).")
    if no_files:
        lines.append(f"note: {folder}: pipes, sockets and devices are ignored ({_names(no_files)}).")
    return lines


def _contents(folder: Path) -> Iterator[Content]:
    content = content_of(folder)
    yield content
    for subfolder in _read_below(content):
        yield from _contents(subfolder)


def _read_below(content: Content) -> list[Path]:
    """Returns the subfolders in which there may be images to read."""
    return [path for path in content.subfolders if not path.name.upper().startswith("LR_")]


def _holds_images(folder: Path) -> bool:
    try:
        return any(content.images for content in _contents(folder))
    except SrlabError:  # a folder of somebody else's, which nobody asked for
        return False


def _names(paths: Collection[Path]) -> str:
    """Returns 'a, b and 3 more'."""
    listed = [path.name for path in paths]
    more = f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
    return ", ".join(listed[:SHOWN]) + more
