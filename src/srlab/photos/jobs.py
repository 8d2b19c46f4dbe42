"""Which photos are enlarged, and what their results are called."""

import string
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from srlab.errors import SrlabError
from srlab.photos.kinds import RAW_SUFFIXES, SUFFIXES

# What systems put into folders of photos; names with a dot before them are passed over anyway.
SYSTEM_NAMES = frozenset(
    ("thumbs.db", "desktop.ini", "__macosx", "@eadir", "$recycle.bin", "system volume information")
)
FIELDS = ("name", "scale", "width", "height", "model")
FORBIDDEN = "/\\\0"


@dataclass(frozen=True)
class Job:
    """A photo, and the name of its result without what only its size can tell.

    Attributes:
        path: of the photo.
        folder: where the result goes.
        name: what {name} stands for.
    """

    path: Path
    folder: Path
    name: str


def jobs_below(folder: Path, out: Path) -> tuple[list[Job], int]:
    """Lists the photos of a folder and of all folders in it, which `out` will mirror.

    Args:
        folder: where to look. Links to folders are not followed, hidden files and those of systems passed over, and so
            is `out` where it is inside.
        out: where the results go.

    Returns:
        One job a photo, sorted by path; and how many other files there are.

    Raises:
        SrlabError: there are no photos.
    """
    files = sorted(_files(folder, out.resolve()))
    photos = [path for path in files if path.suffix.lower() in SUFFIXES | RAW_SUFFIXES]
    if not photos:
        raise SrlabError(f"{folder}: has no photos. Expected files that end in {', '.join(sorted(SUFFIXES))}.")
    # photo.heic and photo.jpg are often of one moment: where names would meet, each keeps its suffix.
    same = Counter((path.parent, path.stem.casefold()) for path in photos)
    jobs = []
    for path in photos:
        alone = same[path.parent, path.stem.casefold()] == 1
        name = path.stem if alone else f"{path.stem}_{path.suffix[1:]}"
        jobs.append(Job(path, out / path.parent.relative_to(folder), name))
    return jobs, len(files) - len(photos)


def _files(folder: Path, out: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name.startswith(".") or path.name.lower() in SYSTEM_NAMES:
            continue
        if path.is_dir():
            if not path.is_symlink() and path.resolve() != out:
                yield from _files(path, out)
        elif path.is_file():
            yield path


def check_template(template: str, sized: bool) -> None:
    """Raises SrlabError where the option name= cannot be used.

    Args:
        template: such as {name}_x{scale}.
        sized: whether the results have a size instead of a scale.
    """
    known = ", ".join(f"{{{field}}}" for field in FIELDS)
    try:
        fields = [field for _, field, _, _ in string.Formatter().parse(template) if field is not None]
        template.format(**dict.fromkeys(FIELDS, "x"))
    except (ValueError, KeyError, IndexError, AttributeError):
        raise SrlabError(f"name={template}: expected text with {known}.") from None
    if any(character in template for character in FORBIDDEN):
        raise SrlabError(f"name={template}: expected a name, not a path. OUT says where results go.")
    if sized and "scale" in fields:
        raise SrlabError(f"name={template}: with size= there is no {{scale}}. Use {{width}} and {{height}}.")
    if not template.strip(". "):
        raise SrlabError(f"name={template}: expected a name such as {{name}}_large.")


def same_file(first: Path, second: Path) -> bool:
    """Whether two paths lead to one file that is there."""
    return first.exists() and second.exists() and first.samefile(second)
