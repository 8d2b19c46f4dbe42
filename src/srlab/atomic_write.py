"""Files that appear whole or not at all: written beside their place under another name, then renamed."""

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
