"""Checks sets and folders of images: readable, complete, correct LR files, and no image of a test set."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from srlab.data.catalog import CATALOG, CatalogEntry, hr_folder, known_set, parts_of, present, set_of_folder
from srlab.data.check_lr import (
    Finding,
    check_folder,
    describe,
    fidelity,
    names,
)
from srlab.data.duplicates import Look, duplicates, look
from srlab.data.fetch import DOWNLOADS
from srlab.data.lr_folders import LRFolder, folders_beside, folders_of_set, outside_scales
from srlab.data.overlaps import shared_images as known_overlap
from srlab.errors import SrlabError, nearest
from srlab.imaging.folders import Listing, content_of, listing, passed_over

SCALES = (2, 3, 4)  # by which the sides should be divisible
DARK = 64  # of 255: 14 bits in a file of 16 stay below it, and so do dark pictures, which is why this is a note


@dataclass(frozen=True)
class Subject:
    """What is checked.

    Attributes:
        name: for the report.
        folder: of HR images.
        lr: folders of their LR images.
        entry: the set of the catalog that this is, if any.
        recursive: whether subfolders are read too.
        notes: lines about LR images beside it that nothing uses.
    """

    name: str
    folder: Path
    lr: tuple[LRFolder, ...]
    entry: CatalogEntry | None = None
    recursive: bool = False
    notes: tuple[str, ...] = ()

    @property
    def trains(self) -> bool:
        """Whether it is for training. A folder that is no set of the catalog is."""
        return self.entry is None or self.entry.role == "train"

    def listing(self) -> Listing:
        """Returns its images. Raises SrlabError for a folder without any; a set may have too few, which is found."""
        if self.entry is None:
            return listing(self.folder, self.recursive)
        content = content_of(self.folder)
        return Listing(tuple(content.images), tuple(passed_over(self.folder, [content])))


@dataclass
class Report:
    """The result of a check.

    Attributes:
        subject: what was checked.
        facts: rows of a table, (what, value).
        findings: errors and notes.
    """

    subject: Subject
    facts: list[tuple[str, str]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def wrong(self) -> bool:
        return any(finding.error for finding in self.findings)


def find_subjects(word: str, root: Path, recursive: bool = False) -> list[Subject]:
    """Returns what to check for a set's name or a folder.

    Args:
        word: the name, or the folder.
        root: data.root.
        recursive: whether a folder's subfolders are read too.

    Raises:
        SrlabError: the word is neither a set nor a folder, or the set is not under data.root.
    """
    entry = known_set(word)
    if entry is None:
        folder = Path(word).expanduser()
        if not folder.is_dir():
            hint = nearest(word.lower(), CATALOG)
            raise SrlabError(f"{word}: neither a folder nor one of the sets {', '.join(CATALOG)}.{hint}")
        hr = folder / "HR" if (folder / "HR").is_dir() else folder
        entry = set_of_folder(hr, root)
        if entry is None:
            lr = tuple(folders_beside(folder))
            notes = outside_scales(folder)
            return [Subject(str(folder), hr, lr, recursive=recursive, notes=tuple(notes))]
    return [
        Subject(part.name, hr_folder(part, root), tuple(folders_of_set(part, root)), part) for part in parts_of(entry)
    ]


def counterparts(subject: Subject, root: Path) -> list[Subject]:
    """Returns the sets under data.root that must share no image with this one.

    Those are test sets for a training set, and training sets for a test set.
    """
    return [
        other
        for entry in CATALOG.values()
        if not entry.parts and (entry.role == "train") != subject.trains and present(entry, root)
        for other in find_subjects(entry.name, root)
        if other.folder.resolve() != subject.folder.resolve()
    ]


class Checker:
    """Checks one subject after the other, and decodes each image only once.

    Args:
        root: data.root.
        progress: shows the progress.
        compared: how many images of each LR folder are compared with MATLAB's bicubic.
    """

    def __init__(self, root: Path, progress: Progress, compared: int = 20) -> None:
        self.root, self.progress, self.compared = root, progress, compared
        self.looks: dict[Path, list[Look | SrlabError]] = {}

    def check(self, subject: Subject, against: Sequence[Subject]) -> Report:
        """Checks one subject.

        Args:
            subject: what to check.
            against: where to look for images that it should not share.

        Raises:
            SrlabError: a folder has no images.
        """
        results = self._look_at(subject)
        looks = [result for result in results if isinstance(result, Look)]
        report = Report(subject, facts=_facts(subject, looks, len(results)))
        report.findings += [Finding(True, str(result)) for result in results if isinstance(result, SrlabError)]
        report.findings += _count(subject, len(results)) + _kinds(looks) + _unfinished(subject, self.root)
        report.findings += _notes([*subject.listing().notes, *subject.notes])
        for lr in subject.lr:
            step = self._steps(f"{subject.name}: {lr}", len(looks) * lr.versions)
            report.findings += check_folder(lr, looks, step) + _notes(passed_over(lr.folder, [content_of(lr.folder)]))
            report.facts.append((str(lr), str(lr.folder)))
            if lr.degradation == "bicubic" and looks:
                found = fidelity(lr, [one.path for one in looks], self.compared)
                if found is not None:
                    report.facts.append((f"{lr} and MATLAB", str(found)))
                    report.findings += describe(lr, found)
        for pair in duplicates(looks):
            report.findings.append(Finding(False, f"{pair.first.name} and {pair.second.name} show the same picture"))
        for other in against:
            report.findings += self._shared(subject, looks, other)
        report.facts.append(("compared with", ", ".join(other.name for other in against) or "no other set"))
        return report

    def _look_at(self, subject: Subject) -> list[Look | SrlabError]:
        if subject.folder not in self.looks:
            files = subject.listing().images
            step = self._steps(subject.name, len(files))
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                results = []
                for result in pool.map(look, files):
                    results.append(result)
                    step()
            self.looks[subject.folder] = results
        return self.looks[subject.folder]

    def _shared(self, subject: Subject, looks: Sequence[Look], other: Subject) -> list[Finding]:
        pairs = duplicates(looks, [result for result in self._look_at(other) if isinstance(result, Look)])
        if not pairs:
            return []
        known = subject.entry is not None and other.entry is not None and known_overlap(subject.entry, other.entry)
        exact = sum(pair.exact for pair in pairs)
        how = f"{exact} to the pixel, {len(pairs) - exact} scaled or compressed anew"
        shared = names(sorted({pair.first for pair in pairs}))
        text = f"images that are also in {other.name} ({how}): {shared}"
        return [Finding(not known, f"{text}; {known}" if known else text)]

    def _steps(self, name: str, total: int) -> Callable[[], None]:
        task = self.progress.add_task(name, total=total)
        return lambda: self.progress.advance(task)


def _facts(subject: Subject, looks: Sequence[Look], files: int) -> list[tuple[str, str]]:
    facts = [("folder", str(subject.folder)), ("images", str(files))]
    if looks:
        least, most = (f(looks, key=lambda one: one.size[0] * one.size[1]).size for f in (min, max))
        facts.append(("sizes", f"{least[1]}x{least[0]} to {most[1]}x{most[0]}"))
    if subject.entry is not None:
        facts += [("licence", subject.entry.licence), *(("to know", note) for note in subject.entry.notes)]
    return facts


def _count(subject: Subject, found: int) -> list[Finding]:
    entry = subject.entry
    if entry is None or found == entry.count:
        return []
    return [Finding(True, f"{subject.folder}: {found} images, but {entry.title} has {entry.count}")]


def _kinds(looks: Sequence[Look]) -> list[Finding]:
    """Notes grey images, alpha channels, more than 8 bits, EXIF that turns, and sides that no scale divides."""
    deep = [one for one in looks if not one.header.is_8_bit]
    kinds = {
        "grey images": [one.path for one in looks if one.header.is_grey],
        "images with an alpha channel, which is dropped": [one.path for one in looks if one.header.has_alpha],
        "images of more than 8 bits, which are rounded": [one.path for one in deep],
        "images of 16 bits that use less than a quarter of them: dark, or of 14 bits and read too dark": [
            one.path for one in deep if one.brightest < DARK
        ],
        "images that are turned upright, as their EXIF says": [one.path for one in looks if one.header.is_turned],
    }
    found = [Finding(False, f"{kind} ({len(paths)}): {names(paths)}") for kind, paths in kinds.items() if paths]
    odd = {scale: sum(any(side % scale for side in one.size) for one in looks) for scale in SCALES}
    if any(odd.values()):
        counts = ", ".join(f"x{scale}: {count} of {len(looks)}" for scale, count in odd.items())
        found.append(Finding(False, f"images whose sides are no multiples of the scale, and are cropped ({counts})"))
    return found


def _notes(lines: Sequence[str]) -> list[Finding]:
    return [Finding(False, line.removeprefix("note: ")) for line in lines]


def _unfinished(subject: Subject, root: Path) -> list[Finding]:
    """Notes downloads of the set that were interrupted."""
    archives = subject.entry.archives if subject.entry is not None else ()
    parts = [root / DOWNLOADS / f"{archive.name}.part" for archive in archives]
    return [
        Finding(
            False, f"{part}: {part.stat().st_size:,} bytes of a download that was interrupted; fetch goes on with it"
        )
        for part in parts
        if part.is_file()
    ]


def show(report: Report, console: Console) -> None:
    """Prints a report: the facts, then errors, then notes."""
    table = Table(title=report.subject.name, show_header=False, title_justify="left")
    for fact in report.facts:
        table.add_row(*fact)
    console.print(table)
    for finding in sorted(report.findings, key=lambda finding: not finding.error):
        console.print(f"{'error' if finding.error else 'note'}: {finding.text}", markup=False, soft_wrap=True)
    errors = sum(finding.error for finding in report.findings)
    console.print(f"{report.subject.name}: {f'{errors} errors' if errors else 'nothing wrong'}", markup=False)
