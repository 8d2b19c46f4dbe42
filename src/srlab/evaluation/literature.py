"""Tables of the literature: their rows, in order, with published numbers, and what is known to be wrong in print."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from srlab.errors import SrlabError, nearest
from srlab.evaluation.published import published_protocol, published_quality

TABLES = Path(__file__).with_name("literature.yaml")


@dataclass(frozen=True)
class Entry:
    """A row of a table.

    Attributes:
        title: what the literature calls the method.
        method: its key in published.yaml, with "+" for the self-ensemble; None for a system of which only this table's
            numbers are known.
    """

    title: str
    method: str | None

    @property
    def model(self) -> str | None:
        """The name in conf/model, which need not have it; None for a system that srlab does not know."""
        return None if self.method is None else self.method.removesuffix("+")

    @property
    def ensemble(self) -> bool:
        """Whether the row is that of the self-ensemble."""
        return self.method is not None and self.method.endswith("+")


@dataclass(frozen=True)
class Note:
    """What to know of a number in print.

    Attributes:
        methods: keys in published.yaml, of the rows that it belongs to.
        text: the note.
        set: whose number it is about; None where it is about the row.
        scales: at which it holds; empty for all.
    """

    methods: tuple[str, ...]
    text: str
    set: str | None = None
    scales: tuple[int, ...] = ()


@dataclass(frozen=True)
class LiteratureTable:
    """A table of the literature, at several scales.

    Attributes:
        name: as `find_table` takes it.
        about: its title.
        scales: that were published.
        sets: names of the catalog, and others whose HR images are not public; in the order of columns.
        measured: those of them that can be measured.
        entries: the rows.
        scores: numbers that only this table has: set -> row's title -> scale -> (PSNR, SSIM).
        digits: of SSIM in print, by set, where they are not 4.
        protocol: of all rows; None where each row has its own.
        degradation: of the LR images.
        slow: methods that need no weights, but minutes for an image, and are measured only where they are named.
        notes: on numbers in print.
    """

    name: str
    about: str
    scales: tuple[int, ...]
    sets: tuple[str, ...]
    measured: tuple[str, ...]
    entries: tuple[Entry, ...]
    scores: Mapping[str, Mapping[str, Mapping[int, tuple[float, float]]]] = field(default_factory=dict)
    digits: Mapping[str, int] = field(default_factory=dict)
    protocol: str | None = None
    degradation: str = "bicubic"
    slow: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()

    def check_scale(self, scale: int) -> None:
        """Raises SrlabError for a scale at which the table was not published."""
        if scale not in self.scales:
            has = ", ".join(map(str, self.scales))
            raise SrlabError(f"scale={scale}: the table {self.name} has {has}. Choose one of them.")

    def check_sets(self, names: list[str]) -> None:
        """Raises SrlabError for a name that is not one of the sets that can be measured."""
        for name in names:
            if name not in self.measured:
                known = ", ".join(self.measured)
                hint = nearest(name, self.measured)
                raise SrlabError(f"sets={name}: of the table {self.name}, {known} can be measured.{hint}")

    def rows(self, scale: int) -> list[Entry]:
        """Returns the rows at a scale: all methods, and of other systems those that have a number there."""
        return [entry for entry in self.entries if entry.method or self._any_score(entry, scale)]

    def _any_score(self, entry: Entry, scale: int) -> bool:
        return any(scale in rows.get(entry.title, {}) for rows in self.scores.values())

    def protocol_of(self, entry: Entry) -> str | None:
        """Returns the protocol of a row; None where nothing of it was published."""
        if self.protocol is not None or entry.method is None:
            return self.protocol
        return published_protocol(entry.method, self.sets)

    def quality(self, entry: Entry, image_set: str, scale: int) -> dict[str, float] | None:
        """Returns what was published of a row: {"psnr": dB, "ssim": ...}; None where nothing was."""
        score = self.scores.get(image_set, {}).get(entry.title, {}).get(scale)
        if score is not None:
            return {"psnr": score[0], "ssim": score[1]}
        protocol = self.protocol_of(entry)
        if entry.method is None or protocol is None:
            return None
        name = image_set if self.degradation == "bicubic" else f"{image_set}_{self.degradation}"
        return published_quality(entry.method, protocol, name, scale)

    def note(self, entry: Entry, scale: int, image_set: str | None = None) -> str:
        """Returns the note on a number of a row, or without a set on the row itself; "" where there is none."""
        found = (
            note.text
            for note in self.notes
            if entry.method in note.methods and note.set == image_set and scale in (note.scales or self.scales)
        )
        return next(found, "")


@functools.cache
def _tables() -> dict[str, LiteratureTable]:
    content = OmegaConf.to_container(OmegaConf.load(TABLES))
    assert isinstance(content, dict)
    return {str(name): _table(str(name), section) for name, section in content.items()}


def _table(name: str, section: dict[str, Any]) -> LiteratureTable:
    """Reads one table of literature.yaml, whose keys are the attributes of LiteratureTable."""
    notes = (
        Note(tuple(note["methods"]), note["text"], note.get("set"), tuple(note.get("scales", ())))
        for note in section.pop("notes")
    )
    entries = tuple(Entry(title, method) for title, method in section.pop("rows").items())
    lists = {key: tuple(value) for key, value in section.items() if isinstance(value, list)}
    return LiteratureTable(
        name=name,
        entries=entries,
        notes=tuple(notes),
        **{"measured": lists["sets"], **section, **lists},
    )


def table_names() -> list[str]:
    """Returns the names of all tables."""
    return list(_tables())


def find_table(name: str) -> LiteratureTable:
    """Returns the table of a name. Raises SrlabError for an unknown one."""
    if name not in _tables():
        known = ", ".join(table_names())
        raise SrlabError(f"table={name}: expected one of {known}.{nearest(name, table_names())}")
    return _tables()[name]
