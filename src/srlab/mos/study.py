"""A study's folder: study.json, which maps opaque names back to methods, and images/.

study.json holds the hash of every image and, under "digest", its own; both are checked whenever a study is opened. It
names the methods and the raters' links, so it is for the person who runs the study, and is never served.
"""

import hashlib
import json
import sys
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from srlab.atomic_write import write_text
from srlab.errors import SrlabError
from srlab.imaging.folders import check_not_waiting, content_of, passed_over
from srlab.mos.study_schema import check_study
from srlab.plain_files import read_plain_json

Kind = Literal["calibration", "test", "repeat"]
FORMAT = 1
WORDS = {1: "Bad", 2: "Poor", 3: "Fair", 4: "Good", 5: "Excellent"}  # the five-grade quality scale of ITU-R BT.500
CALIBRATION = "calibration"  # in place of a set's name


@dataclass(frozen=True)
class Item:
    """One image file. sha256: of the file. expected: the rating that a calibration image is to get; else None."""

    set: str
    scale: int
    image: str
    method: str
    sha256: str
    expected: int | None = None


@dataclass(frozen=True)
class Trial:
    """One showing of an item to one rater. id: differs for every trial, so that addresses do not give repeats away."""

    id: str
    item: str
    kind: Kind


@dataclass(frozen=True)
class Rater:
    """One rater and their plan. number: from 1. token: the secret in the rater's link. trials: in order."""

    number: int
    token: str
    trials: tuple[Trial, ...]

    @cached_property
    def by_id(self) -> dict[str, Trial]:
        return {trial.id: trial for trial in self.trials}


@dataclass(frozen=True)
class Study:
    """A study as study.json describes it.

    folder: where it is. facts: id, versions, seed, protocol and the like. methods: in the order of tables. results:
    rows of results.json. items: by the names of their files. digest: of study.json.
    """

    folder: Path
    facts: dict[str, Any]
    methods: tuple[str, ...]
    results: list[dict[str, Any]]
    items: dict[str, Item]
    raters: tuple[Rater, ...]
    digest: str

    @cached_property
    def by_token(self) -> dict[str, Rater]:
        return {rater.token: rater for rater in self.raters}

    def image(self, name: str) -> bytes:
        """Returns the bytes of an item's PNG file. Raises SrlabError if they are not those that were exported."""
        path = image_path(self.folder, name)
        check_not_waiting(path)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise SrlabError(f"{path}: {error.strerror}, but study.json lists it. {_AGAIN}") from None
        if hashlib.sha256(content).hexdigest() != self.items[name].sha256:
            raise SrlabError(f"{path}: changed after the export. {_AGAIN}")
        return content


_AGAIN = "Restore the folder from a copy, or export the study again to another mos.out."


def image_path(folder: Path, name: str) -> Path:
    """Returns where the image of an item is; the name is one of study.json, which `open_study` has checked."""
    return folder / "images" / f"{name}.png"


def write_study(study: Study) -> None:
    """Writes study.json beside the images, which must be there already."""
    content = {
        "format": FORMAT,
        **study.facts,
        "methods": list(study.methods),
        "results": study.results,
        "items": {name: asdict(item) for name, item in study.items.items()},
        "raters": [asdict(rater) for rater in study.raters],
    }
    content["digest"] = digest(content)
    write_text(study.folder / "study.json", json.dumps(content, indent=1) + "\n")


def digest(content: dict[str, Any]) -> str:
    """Returns the SHA-256 of what study.json says, without its "digest" and however it is laid out."""
    rest = {key: value for key, value in content.items() if key != "digest"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def open_study(folder: Path) -> Study:
    """Reads a study and checks every file. Raises SrlabError, naming the file that is not as it was exported."""
    study = _parse(folder, _read(folder / "study.json"))
    content = content_of(folder / "images")
    for note in passed_over(folder / "images", [content]):
        print(note, file=sys.stderr, flush=True)
    unknown = {path.stem for path in (*content.images, *content.others, *content.subfolders)} - set(study.items)
    if unknown:
        raise SrlabError(f"{folder / 'images'}: {min(unknown)} is not in study.json. {_AGAIN}")
    for name in study.items:
        study.image(name)
    return study


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise SrlabError(f"{path}: no such file. Export a study: python evaluate.py ... +mos_export=true")
    content: Any = read_plain_json(path, _AGAIN)
    if isinstance(content, dict) and type(content.get("format")) is int and content["format"] != FORMAT:
        raise SrlabError(f"{path}: of format {content['format']}; this version of srlab reads {FORMAT}.")
    check_study(content, path, _AGAIN)
    if content["digest"] != digest(content):
        raise SrlabError(f"{path}: changed after the export. {_AGAIN}")
    return dict(content)


def _parse(folder: Path, content: dict[str, Any]) -> Study:
    parts = ("methods", "results", "items", "raters", "digest", "format")
    return Study(
        folder=folder,
        facts={key: value for key, value in content.items() if key not in parts},
        methods=tuple(content["methods"]),
        results=content["results"],
        items={name: Item(**item) for name, item in content["items"].items()},
        raters=tuple(
            Rater(rater["number"], rater["token"], tuple(Trial(**trial) for trial in rater["trials"]))
            for rater in content["raters"]
        ),
        digest=content["digest"],
    )
