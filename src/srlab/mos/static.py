"""A study without a server: a folder of plain HTML that works from file://, and the import of its ratings from CSV."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

from srlab.atomic_write import atomic_folder, write_text
from srlab.errors import SrlabError
from srlab.mos.page import asset, rating_page
from srlab.mos.ratings import AlreadyRated, Rating, Ratings
from srlab.mos.study import WORDS, Study, image_path

COLUMNS = ["study", "rater", "trial", "rating", "time"]
SCRIPTS = ["page.css", "page.js", "static.js"]


def export_static(study: Study, out: Path) -> None:
    """Writes the folder, whole or not at all. Raises SrlabError where there is something already.

    index.html asks for the rater's number (index.html#7 fills it in) and keeps ratings in the browser, where a button
    downloads them. The folder does not hold the raters' links to the server.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise SrlabError(f"{out}: there is something already. Remove it, or choose another folder: out=OTHER.")
    with atomic_folder(out) as partial:
        (partial / "images").mkdir()
        for name in study.items:
            image_path(partial, name).write_bytes(study.image(name))
        for name in SCRIPTS:
            write_text(partial / name, asset(name))
        write_text(partial / "plan.js", f"const STUDY = {json.dumps(_plan(study))};\n")
        write_text(partial / "index.html", rating_page(".", ["plan.js", "static.js", "page.js"]))


def _plan(study: Study) -> dict[str, object]:
    """Returns what the page has to know of the study. It names no method."""
    return {
        "id": study.facts["id"],
        "raters": [
            [[trial.id, trial.item, study.items[trial.item].expected] for trial in rater.trials]
            for rater in study.raters
        ],
    }


def import_ratings(study: Study, ratings: Ratings, path: Path) -> int:
    """Adds the ratings of a downloaded file, all of them or none.

    The same file, or a longer one of the same rater, may be imported again.

    Returns:
        How many ratings are new.

    Raises:
        SrlabError: a line does not belong to the study, is outside 1..5, or contradicts a rating that is there.
    """
    there = {rating.trial: rating for rating in ratings.all()}
    new = []
    for line, rating in _read(study, path):
        known = there.get(rating.trial)
        if known is None:
            new.append(rating)
            there[rating.trial] = rating
        elif known != rating:
            raise SrlabError(
                f"{path}, line {line}: {rating.trial} has the rating {known.rating} of {known.time} already."
            )
    try:
        ratings.add(*new)
    except AlreadyRated as error:
        raise SrlabError(f"{path}: {error} was rated at this moment elsewhere. Import the file again.") from None
    return len(new)


def _read(study: Study, path: Path) -> Iterator[tuple[int, Rating]]:
    try:
        lines = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SrlabError(f"{path}: cannot be read ({error}). Expected a CSV file that the study's page made.") from None
    if not lines or lines[0] != COLUMNS:
        raise SrlabError(f"{path}: expected the columns {', '.join(COLUMNS)}, as the study's page writes them.")
    for number, line in enumerate(lines[1:], 2):
        yield number, _parse(study, line, f"{path}, line {number}")


def _parse(study: Study, line: list[str], where: str) -> Rating:
    if len(line) != len(COLUMNS):
        raise SrlabError(f"{where}: {len(line)} values; expected {len(COLUMNS)}.")
    owner, rater, trial, rating, time = line
    if owner != study.facts["id"]:
        raise SrlabError(f"{where}: of the study {owner}; this one is {study.facts['id']}.")
    if rater not in {str(one.number) for one in study.raters}:
        raise SrlabError(f"{where}: there is no rater {rater}; expected 1 to {len(study.raters)}.")
    if trial not in study.raters[int(rater) - 1].by_id:
        raise SrlabError(f"{where}: rater {rater} has no image {trial}.")
    if rating not in {str(one) for one in WORDS}:
        raise SrlabError(f"{where}: the rating is {rating}; expected 1 to 5.")
    return Rating(int(rater), trial, int(rating), time)
