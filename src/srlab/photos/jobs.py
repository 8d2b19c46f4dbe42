"""Which photos are enlarged, and what their results are called."""

import string
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from srlab.errors import SrlabError
from srlab.imaging.folders import Content, content_of, passed_over
from srlab.photos.kinds import RAW_SUFFIXES, SUFFIXES

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


def jobs_below(folder: Path, out: Path) -> tuple[list[Job], int, Sequence[str]]:
    """Lists the photos of a folder and of all folders in it, which `out` will mirror.

    Args:
        folder: where to look. Links to folders are not followed, hidden files and those of systems passed over, and so
            is `out` where it is inside.
        out: where the results go.

    Returns:
        One job a photo, sorted by path; how many other files there are; and lines that say what is passed over.

    Raises:
        SrlabError: there are no photos.
    """
    contents = list(_contents(folder, out.resolve()))
    photos = sorted(path for content in contents for path in content.images)
    if not photos:
        raise SrlabError(f"{folder}: has no photos. Expected files that end in {', '.join(sorted(SUFFIXES))}.")
    # photo.heic and photo.jpg are often of one moment: where names would meet, each keeps its suffix.
    same = Counter((path.parent, path.stem.casefold()) for path in photos)
    jobs = []
    for path in photos:
        alone = same[path.parent, path.stem.casefold()] == 1
        name = path.stem if alone else f"{path.stem}_{path.suffix[1:]}"
        jobs.append(Job(path, out / path.parent.relative_to(folder), name))
    return jobs, sum(len(content.others) for content in contents), passed_over(folder, contents)


def _contents(folder: Path, out: Path) -> Iterator[Content]:
    content = content_of(folder, SUFFIXES | RAW_SUFFIXES)
    yield content
    for subfolder in content.subfolders:
        if subfolder.resolve() != out:
            yield from _contents(subfolder, out)


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
