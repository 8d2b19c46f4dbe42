"""A table of the literature with our numbers beside it: as Markdown, LaTeX and CSV."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from srlab import finite
from srlab.data.catalog import CATALOG
from srlab.evaluation.literature import Entry, LiteratureTable
from srlab.evaluation.measure import ResultRow
from srlab.evaluation.text_tables import TextTable, csv_text, numbered_notes, used_columns

OTHER_TITLES = {"div2k_test": "DIV2K test"}  # sets whose HR images are not public
LEFT = ("method", "protocol", "weights")
COLUMNS = ("method", "set", "scale", "protocol", "n", "psnr", "ssim", "published_psnr", "published_ssim", "difference",
           "seconds", "parameters", "multiply_adds", "weights", "input", "timed_on", "note")  # fmt: skip


@dataclass(frozen=True)
class TableLine:
    """A row of the literature, and what was measured for it.

    Attributes:
        entry: the row.
        parameters: trainable ones of our network, or of the published one; None where neither is known.
        multiply_adds: of our network's convolutions, for a 1280 x 720 output; None where srlab lacks the network.
        weights: the file that was measured, as people name it; "" for none.
        measured: our result on each set.
    """

    entry: Entry
    parameters: int | None = None
    multiply_adds: int | None = None
    weights: str = ""
    measured: Mapping[str, ResultRow] = field(default_factory=dict)

    @property
    def seconds(self) -> float | None:
        """The mean time of an image over all sets; None where nothing was timed."""
        timed = [(row.seconds, row.n) for row in self.measured.values() if row.seconds is not None]
        return sum(seconds * n for seconds, n in timed) / sum(n for _, n in timed) if timed else None

    @property
    def input(self) -> str:
        """What the method saw where that is not the image itself."""
        return "; ".join(dict.fromkeys(row.input for row in self.measured.values() if row.input))

    @property
    def remarks(self) -> str:
        """What is to stand beside means of values that are not all finite."""
        found = [(name, text) for name, row in self.measured.items() for text in row.remarks.values() if text]
        return "; ".join(f"{_title(name)}, {text}" for name, text in found)


def literature_table(table: LiteratureTable, scale: int, lines: Sequence[TableLine]) -> TextTable:
    """Returns the table for Markdown and LaTeX: of the columns those in which some row has something.

    Args:
        table: whose numbers are shown.
        scale: one of the table's.
        lines: its rows; a row may come twice, with different weights.
    """
    marks, footnotes = _marks(table, scale, lines)
    rows = [_cells(table, scale, line, own) for line, own in zip(lines, marks, strict=True)]
    columns, body = used_columns(list(rows[0]), [list(row.values()) for row in rows])
    about = f"{table.about}, x{scale}: PSNR / SSIM as published."
    if any(line.measured for line in lines):
        about += " Ours are beside them, with what they differ by in dB, each row by its own protocol."
    timed_on = dict.fromkeys(row.timed_on for line in lines for row in line.measured.values() if row.timed_on)
    timed = [f"s/image: {', '.join(timed_on)}"] if timed_on else []
    return TextTable(columns, body, LEFT, notes=[about, *footnotes, *timed])


def _marks(table: LiteratureTable, scale: int, lines: Sequence[TableLine]) -> tuple[list[dict[str, str]], list[str]]:
    """Returns footnotes: the marks of every line, by set and under "" the row's; and the lines that explain them."""
    places = ("", *table.sets)
    marks, texts = numbered_notes([_note(table, scale, line, name) for line in lines for name in places])
    starts = range(0, len(marks), len(places))
    return [dict(zip(places, marks[i : i + len(places)], strict=True)) for i in starts], texts


def _note(table: LiteratureTable, scale: int, line: TableLine, name: str) -> str:
    """Returns the note on a number, or under "" on the row: what is known of it, what our network saw, and which of our
    means leave something out.
    """
    known = table.note(line.entry, scale, name or None)
    if name:
        return known
    ours = [("saw", line.input), ("on", line.remarks)]
    return " ".join(filter(None, [known, *(f"Ours {word}: {text}." for word, text in ours if text)]))


def _title(name: str) -> str:
    return CATALOG[name].title if name in CATALOG else OTHER_TITLES[name]


def _cells(table: LiteratureTable, scale: int, line: TableLine, marks: Mapping[str, str]) -> dict[str, str]:
    """Returns a row as text by columns."""
    cells = {"method": line.entry.title + marks[""]}
    for name in table.sets:
        title, row = _title(name), line.measured.get(name)
        printed = table.quality(line.entry, name, scale)
        difference = _difference(row, printed)
        cells[title] = "" if printed is None else _quality(**printed, digits=table.digits.get(name, 4)) + marks[name]
        cells[f"{title} ours"] = "" if row is None else _quality(row.psnr, row.ssim)
        cells[f"{title} diff"] = "" if difference is None else f"{difference:+.2f}"
    return {
        **cells,
        "protocol": table.protocol_of(line.entry) or "",
        "parameters": _thousands(line.parameters),
        "multiply-adds": f"{line.multiply_adds / 1e9:,.1f}G" if line.multiply_adds else "",
        "s/image": "" if line.seconds is None else f"{line.seconds:.3f}",
        "weights": line.weights,
    }


def _quality(psnr: float, ssim: float | None, digits: int = 4) -> str:
    return f"{psnr:.2f}" + ("" if ssim is None else f" / {ssim:.{digits}f}")


def _difference(row: ResultRow | None, printed: dict[str, float] | None) -> float | None:
    return None if row is None or printed is None else finite.difference(row.psnr, printed["psnr"])


def _thousands(count: int | None) -> str:
    """Returns a number of parameters as papers write it; "" for none."""
    if not count:
        return ""
    return f"{count / 1e6:.1f}M" if count >= 1e6 else f"{count / 1e3:.0f}K"


def comma_separated(table: LiteratureTable, scale: int, lines: Sequence[TableLine]) -> str:
    """Returns the table as CSV: one line a row and set, at full precision; arguments as of `literature_table`."""
    body = [_csv_line(table, scale, line, name) for line in lines for name in table.sets]
    return csv_text([COLUMNS, *body])


def _csv_line(table: LiteratureTable, scale: int, line: TableLine, name: str) -> list[Any]:
    row, printed = line.measured.get(name), table.quality(line.entry, name, scale)
    published = [None, None] if printed is None else [printed["psnr"], printed["ssim"]]
    ours = [None, None, None] if row is None else [row.n, row.psnr, row.ssim]
    seconds, timed_on = (None, None) if row is None else (row.seconds, row.timed_on)
    remarks = [] if row is None else [f"Ours: {text}." for text in row.remarks.values() if text]
    notes = " ".join(filter(None, (table.note(line.entry, scale, name), table.note(line.entry, scale), *remarks)))
    head = [line.entry.title, name, scale, table.protocol_of(line.entry), *ours, *published]
    size = [line.parameters, line.multiply_adds, line.weights]
    return [*head, _difference(row, printed), seconds, *size, row.input if row else "", timed_on, notes]
