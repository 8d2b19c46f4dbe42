"""The tables of the page: one for each scale and protocol, methods by what was measured on each set."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from srlab import finite
from srlab.evaluation.complexity import OUTPUT
from srlab.evaluation.text_tables import numbered_notes, short
from srlab.metrics.metric import Metric
from srlab.results_page.rows import LR, Results, Row, set_title

Order = Literal["ascending", "descending"]
MISSING = "–"
COSTS: Mapping[str, str] = {
    "parameters": "Parameters",
    "multiply_adds": "Multiply-adds",
    "activations": "Activations",
    "memory": "Memory",
    "seconds": "s/image",
}


@dataclass(frozen=True)
class Column:
    """A column of numbers.

    Attributes:
        title: its heading.
        group: the heading above it, such as a set; "" for none.
        better: which end of it is the better one; None where none is marked.
        first: how it is sorted at the first click.
    """

    title: str
    group: str = ""
    better: Literal["higher", "lower"] | None = None
    first: Order = "ascending"


@dataclass(frozen=True)
class Cell:
    """A number as text.

    Attributes:
        text: to show.
        value: by which it is sorted; None, which comes last, where it is missing or not finite.
        rank: 1 for the best of its column, 2 for the second best, else 0.
        mark: of a note below the table.
    """

    text: str = MISSING
    value: float | None = None
    rank: int = 0
    mark: str = ""


@dataclass(frozen=True)
class MethodsTable:
    """Methods by columns. methods: names with the marks of their notes. cells: by method, then column."""

    scale: int
    protocol: str
    columns: Sequence[Column]
    methods: Sequence[tuple[str, str]]
    cells: Sequence[Sequence[Cell]]
    notes: Sequence[str]


@dataclass(frozen=True)
class _Draft:
    """A column, with a cell and the text of its note for each method."""

    column: Column
    cells: list[Cell]
    notes: list[str]


def methods_tables(results: Results) -> list[MethodsTable]:
    """Returns the tables: that of the images' own protocol first, then by scale."""
    keys = sorted({(row.protocol != results.protocol, row.protocol, row.scale) for row in results.rows})
    return [
        _table(results, [row for row in results.rows if (row.protocol, row.scale) == (protocol, scale)])
        for _, protocol, scale in keys
    ]


def _table(results: Results, rows: list[Row]) -> MethodsTable:
    by_method: dict[str, dict[str, Row]] = {}
    for row in rows:
        by_method.setdefault(row.label, {})[row.set] = row
    drafts = [
        draft for name in dict.fromkeys(row.set for row in rows) for draft in _set_columns(results, by_method, name)
    ]
    drafts += [draft for name in COSTS if (draft := _cost_column(name, list(by_method.values())))]
    inputs = ["; ".join(dict.fromkeys(row.input for row in own.values() if row.input)) for own in by_method.values()]
    marks, notes = numbered_notes([*inputs, *(note for draft in drafts for note in draft.notes)])
    count = len(by_method)
    cells = [
        [
            Cell(cell.text, cell.value, cell.rank, marks[count * (1 + place) + index])
            for place, cell in enumerate(draft.cells[index] for draft in drafts)
        ]
        for index in range(count)
    ]
    names = [next(iter(own.values())).method for own in by_method.values()]
    return MethodsTable(
        scale=rows[0].scale,
        protocol=rows[0].protocol,
        columns=[draft.column for draft in drafts],
        methods=list(zip(names, marks, strict=False)),
        cells=cells,
        notes=notes + _costs_explained(rows),
    )


def _set_columns(results: Results, by_method: Mapping[str, Mapping[str, Row]], name: str) -> list[_Draft]:
    """Returns the columns of a set: a metric each, and the numbers in print with our difference where there are any."""
    rows = [own.get(name) for own in by_method.values()]
    there = [row for row in rows if row is not None]
    counts = sorted({row.n for row in there})
    group = set_title(name) + _counted(counts[0], counts[-1])
    drafts = [_metric_column(metric, group, rows) for metric in results.metrics(there)]
    if any(row.published for row in there):
        drafts += [
            _Draft(Column("Published", group, first="descending"), [_published(row) for row in rows], [""] * len(rows)),
            _Draft(Column("Diff", group, first="descending"), [_difference(row) for row in rows], [""] * len(rows)),
        ]
    return drafts


def _counted(least: int, most: int) -> str:
    """Says of how many images means are; "" where the file does not say it."""
    if most == 0:
        return ""
    return f", {most} image{'s' * (most > 1)}" if least == most else f", {least} to {most} images"


def _metric_column(metric: Metric, group: str, rows: Sequence[Row | None]) -> _Draft:
    values = [None if row is None else row.means.get(metric.name) for row in rows]
    ranks = _ranks([None if value is None else finite.or_none(value) for value in values], metric)
    cells = [
        Cell() if value is None else Cell(metric.text(value), finite.or_none(value), rank)
        for value, rank in zip(values, ranks, strict=True)
    ]
    notes = [
        ""
        if row is None
        else finite.note(metric.title, [q[metric.name] for q in row.images.values() if metric.name in q])
        for row in rows
    ]
    title = f"{metric.title} ↓" if metric.better == "lower" else metric.title
    first: Order = "descending" if metric.better == "higher" else "ascending"
    return _Draft(Column(title, group, metric.better, first), cells, notes)


def _ranks(values: Sequence[float | None], metric: Metric) -> list[int]:
    """Returns 1 for the best, 2 for the second best, else 0; values that read the same share a rank."""
    read = [None if value is None else float(metric.text(value)) for value in values]
    known = [value for value in read if value is not None]
    if metric.better is None or len(known) < 2:
        return [0] * len(values)
    best, second = [*sorted(set(known), reverse=metric.better == "higher"), None][:2]
    return [0 if value is None else 1 if value == best else 2 if value == second else 0 for value in read]


def _published(row: Row | None) -> Cell:
    if row is None or row.published is None:
        return Cell()
    psnr, ssim = row.published["psnr"], row.published.get("ssim")
    return Cell(f"{psnr:.2f}" + ("" if ssim is None else f" / {ssim:.4f}"), psnr)


def _difference(row: Row | None) -> Cell:
    if row is None or row.published is None or "psnr" not in row.means:
        return Cell()
    printed = row.published["psnr"]
    assert printed is not None
    difference = finite.difference(row.means["psnr"], printed)
    return Cell() if difference is None else Cell(f"{difference:+.2f}", difference)


def _cost_column(name: str, methods: Sequence[Mapping[str, Row]]) -> _Draft | None:
    """Returns the column of one kind of costs; None where no method has it."""
    values = [_cost(name, list(own.values())) for own in methods]
    if all(value is None for value in values):
        return None
    written: Callable[[float], str] = {"seconds": "{:.3f}".format, "memory": _bytes}.get(name, short)
    cells = [Cell() if value is None else Cell(written(value), value) for value in values]
    return _Draft(Column(COSTS[name]), cells, [""] * len(cells))


def _cost(name: str, rows: Sequence[Row]) -> float | None:
    """The mean over the images of all sets, which differs from set to set only for seconds."""
    known = [(row.costs[name], max(row.n, 1)) for row in rows if name in row.costs]
    return sum(value * n for value, n in known) / sum(n for _, n in known) if known else None


def _bytes(value: float) -> str:
    return f"{short(value)}B"


def _costs_explained(rows: Sequence[Row]) -> list[str]:
    """Says what the columns of costs are of."""
    known = {name for row in rows for name in row.costs}
    timed = dict.fromkeys(row.timed_on for row in rows if row.timed_on)
    lines = {
        "multiply_adds": f"Multiply-adds: of convolutions, for an image of {OUTPUT[1]} x {OUTPUT[0]}",
        "activations": f"Activations: values that convolutions give, for {LR}",
        "memory": f"Memory: of all tensors at once, without the weights, for {LR}",
        "seconds": f"s/image: {', or '.join(timed)}" if timed else "",
    }
    return [line for name, line in lines.items() if name in known and line]
