"""Files and folders that appear whole or not at all: written beside their place under another name, then renamed."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Gives the path of a temporary file beside `path`, and renames it to `path` when the block has ended well.

    What was at `path` before stays there until then. After an error the temporary file is removed.
    """
    partial = path.with_name(path.name + ".part")
    try:
        yield partial
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    partial.replace(path)


def write_text(path: Path, text: str) -> None:
    """Writes a text file in UTF-8, with the line ends that `text` has."""
    with atomic_write(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="")


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """Gives an empty folder beside `folder`, and renames it to `folder` when the block has ended well.

    What an earlier attempt left is removed first. After an error the temporary folder is removed.

    Raises:
        OSError: something cannot be written, or `folder` exists and is not empty.
    """
    partial = folder.with_name(folder.name + ".part")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        if folder.exists():
            folder.rmdir()
        partial.replace(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
