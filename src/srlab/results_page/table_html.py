"""HTML of the tables. They can be read without scripts; tables.js makes their headings buttons that sort."""

from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby

from srlab.labels import printable_line
from srlab.results_page.tables import Cell, Column, MethodsTable

MARKED = {1: "strong", 2: "u"}  # elements of the best and the second best


def table_section(table: MethodsTable, name: str) -> str:
    """Returns a table, its heading and its notes.

    Args:
        table: what to show.
        name: an id that no other element has.
    """
    title = f"×{table.scale}"
    begins = [i == 0 or column.group != table.columns[i - 1].group for i, column in enumerate(table.columns)]
    rows = "\n".join(_row(*method, cells, begins) for method, cells in zip(table.methods, table.cells, strict=True))
    notes = "".join(f"<p>{text(note)}</p>\n" for note in table.notes)
    return f"""<section class="panel" aria-labelledby="{name}">
<h3 id="{name}">{title} <small>protocol {text(table.protocol)}</small></h3>
<div class="scroll" tabindex="0" role="group" aria-label="Table of {title}, protocol {text(table.protocol)}">
<table class="results" aria-labelledby="{name}">
<thead>
{_head(table.columns)}
</thead>
<tbody>
{rows}
</tbody>
</table>
</div>
<div class="notes">
{notes}</div>
</section>
"""


def text(value: str) -> str:
    """Returns the text of strangers for HTML: escaped, and with what cannot be seen written out."""
    return escape(printable_line(value))


def _head(columns: Sequence[Column]) -> str:
    """Two rows: sets above their metrics, and headings that have nothing above them in both."""
    upper = ['<th scope="col" rowspan="2" class="name" data-column="0" data-first="ascending">Method</th>']
    lower = []
    place = 1
    for group, found in groupby(columns, key=lambda column: column.group):
        members = list(found)
        headings = list(_headings(members, place, tall=not group))
        if group:
            upper.append(f'<th scope="colgroup" colspan="{len(members)}" class="begins">{text(group)}</th>')
            lower += headings
        else:
            upper += headings
        place += len(members)
    return f"<tr>{''.join(upper)}</tr>\n<tr>{''.join(lower)}</tr>"


def _headings(columns: Sequence[Column], place: int, tall: bool) -> Iterator[str]:
    for index, column in enumerate(columns):
        begins = ' class="begins"' if index == 0 else ""
        rows = ' rowspan="2"' if tall else ""
        yield (
            f'<th scope="col"{rows}{begins} data-column="{place + index}" data-first="{column.first}">'
            f"{text(column.title)}</th>"
        )


def _row(name: str, mark: str, cells: Sequence[Cell], begins: Sequence[bool]) -> str:
    shown = "".join(map(_cell, cells, begins))
    return f'<tr><th scope="row" class="name">{text(name)}{mark}</th>{shown}</tr>'


def _cell(cell: Cell, begins: bool) -> str:
    value = "" if cell.value is None else f' data-value="{cell.value!r}"'
    element = MARKED.get(cell.rank)
    shown = text(cell.text) if element is None else f"<{element}>{text(cell.text)}</{element}>"
    place = ' class="begins"' if begins else ""
    return f"<td{place}{value}>{shown}{cell.mark}</td>"
