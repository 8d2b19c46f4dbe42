"""Tables as text: Markdown, CSV, LaTeX, and on the terminal."""

import csv
import io
import math
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from srlab.console import wide_console
from srlab.labels import printable, printable_line

SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
LATEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
         ">": r"\textgreater{}", "|": r"\textbar{}", '"': "''", "±": r"$\pm$", "↓": r"$\downarrow$",
         **{mark: f"\\textsuperscript{{{digit}}}" for digit, mark in enumerate(SUPERSCRIPTS)},
         **{c: f"\\{c}" for c in "&%$#_{}"}}  # fmt: skip


@dataclass(frozen=True)
class TextTable:
    """A table of cells that are text already.

    Attributes:
        columns: the header.
        rows: cells, as many in each as there are columns.
        left: names of the columns that are aligned to the left; the others are to the right.
        whole: names of the columns that are never shortened on a narrow terminal, and break no line.
        sections: indices of the rows that begin a section.
        notes: lines below the table.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: Collection[str] = ()
    whole: Collection[str] = ()
    sections: Collection[int] = ()
    notes: Sequence[str] = ()

    def markdown(self) -> str:
        """Returns the table and its notes, without sections, which Markdown does not have."""
        right = [name for name in self.columns if name not in self.left]
        return markdown_table(self.columns, self.rows, right) + "".join(f"\n{note}\n" for note in self.notes)

    def latex(self) -> str:
        r"""Returns a tabular that needs \usepackage{booktabs}, with a rule before every section."""
        lines = [
            "% needs \\usepackage{booktabs}",
            f"\\begin{{tabular}}{{{''.join('l' if name in self.left else 'r' for name in self.columns)}}}",
            "\\toprule",
            " & ".join(map(latex_text, self.columns)) + r" \\",
        ]
        for i, row in enumerate(self.rows):
            if i == 0 or i in self.sections:
                lines.append("\\midrule")
            lines.append(" & ".join(map(latex_text, row)) + r" \\")
        lines.append("\\bottomrule")
        lines += [
            f"\\multicolumn{{{len(self.columns)}}}{{l}}{{\\footnotesize {latex_text(note)}}} \\\\"
            for note in self.notes
        ]
        return "\n".join([*lines, "\\end{tabular}"]) + "\n"

    def print(self, title: str, console: Console | None = None) -> None:
        """Prints the table under a title; brackets in names are no markup.

        Args:
            title: a line above the table.
            console: None for the terminal's own; without a terminal nothing is cut to 80 columns.
        """
        console = console or wide_console()
        heading = Text(printable_line(title))
        table = Table(title=heading, title_justify="left", box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False,
                      collapse_padding=True)  # fmt: skip
        for name in self.columns:
            table.add_column(
                Text(printable(name)), justify="left" if name in self.left else "right", no_wrap=name in self.whole
            )
        for i, row in enumerate(self.rows):
            table.add_row(*(Text(printable(cell)) for cell in row), end_section=i + 1 in self.sections)
        console.print(table)
        for note in self.notes:
            console.print(Text(printable_line(note)))


def used_columns(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[list[str], list[list[str]]]:
    """Returns the columns that are not empty in every row, and the rows without the others."""
    used = [i for i in range(len(columns)) if any(row[i] for row in rows)]
    return [columns[i] for i in used], [[row[i] for i in used] for row in rows]


def numbered_notes(notes: Sequence[str]) -> tuple[list[str], list[str]]:
    """Turns a note for every row into a mark for every row and a list of notes.

    Args:
        notes: by row; '' where there is nothing to say.

    Returns:
        The marks, such as '¹', '' where there is no note; and the lines that explain them, each note once.
    """
    different = list(dict.fromkeys(note for note in notes if note))
    marks = {note: "".join(SUPERSCRIPTS[int(d)] for d in str(number)) for number, note in enumerate(different, 1)}
    return [marks.get(note, "") for note in notes], [f"{marks[note]} {note}" for note in different]


def short(value: float, gap: str = "") -> str:
    """Returns a count with three digits and a unit, such as 57.2K, 1.37M or 316G; small ones as they are.

    Args:
        value: of at least 0.
        gap: between number and unit.
    """
    if value < 1000:
        return f"{value:.0f}"
    exponent = math.floor(math.log10(float(f"{value:.3g}")))
    power = min(exponent // 3, 4)
    return f"{value / 1000**power:.{max(2 - exponent + 3 * power, 0)}f}{gap}{'KMGT'[power - 1]}"


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[str]], right: Collection[str] = ()) -> str:
    """Returns a Markdown table that ends with a line feed.

    Args:
        columns: the header.
        rows: cells, as many in each as there are columns. What Markdown or HTML would read in either is escaped.
        right: names of the columns that are aligned to the right.
    """
    rules = ["---:" if name in right else "---" for name in columns]
    head, *escaped = [[markdown_text(printable(cell)) for cell in row] for row in [columns, *rows]]
    return "".join("| " + " | ".join(line) + " |\n" for line in [head, rules, *escaped])


def markdown_text(text: str) -> str:
    """Returns a text with what Markdown's tables, and HTML in Markdown, would read in it escaped."""
    return re.sub(r"[|<]", r"\\\g<0>", text)


def csv_text(lines: Iterable[Sequence[Any]]) -> str:
    """Returns lines as CSV with line feeds; None is an empty cell, and numbers have their full precision."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue()


def latex_text(text: str) -> str:
    """Returns a text with what LaTeX reads as commands escaped; a minus before a number is set as one."""
    escaped = "".join(LATEX.get(character, character) for character in printable_line(text))
    return re.sub(r"(?<![\w.\-])-(?=\d)", "$-$", escaped)
