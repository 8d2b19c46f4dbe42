"""The tables of a leaderboard in Markdown: one for every scale, one beside the numbers in print, one of costs."""

from collections.abc import Sequence

from srlab.data.catalog import title_of
from srlab.evaluation.board_file import Board
from srlab.evaluation.complexity import LR_SIDE, OUTPUT
from srlab.evaluation.costs import Cost
from srlab.evaluation.measure import ResultRow
from srlab.evaluation.text_tables import TextTable, csv_text, numbered_notes, short
from srlab.finite import difference
from srlab.metrics.metric import PSNR, SSIM

LEFT = ("method", "protocol")
TOGETHER = (PSNR.metric.name, SSIM.metric.name)  # in one column
COSTS = ("method", "scale", "parameters", "multiply_adds", "activations", "memory_bytes", "seconds", "machine")


def markdown(board: Board) -> str:
    """Returns results.md."""
    sections = [
        "# Results",
        f"Protocol {board.protocol}; every network as it comes, on whole images. Higher is better for PSNR (dB) and "
        "SSIM, lower where there is a ↓.",
    ]
    for scale in scales_of(board):
        sections += [f"## x{scale}", quality_table(board, scale).markdown().rstrip("\n")]
        printed = printed_table(board, scale)
        if printed.rows:
            sections += [f"### x{scale} beside the numbers in print", printed.markdown().rstrip("\n")]
    return "\n\n".join([*sections, "## Costs", cost_table(board).markdown()])


def scales_of(board: Board) -> list[int]:
    """Returns the scales that a board has rows of."""
    return sorted({row.scale for row in board.compared})


def quality_table(board: Board, scale: int) -> TextTable:
    """Returns a row for every method; of every set a column with PSNR / SSIM, and one for each other metric.

    What methods saw, where that is not the image itself, and what means leave out are notes below it.
    """
    rows = [row for row in board.compared if row.scale == scale]
    cells = [(row.method, {**_method_cell(row.method, rows), **_cells(row)}) for row in rows]
    texts = [note for _, line in cells for _, note in line.values()]
    marks, notes = numbered_notes(texts)
    mark = dict(zip(texts, marks, strict=True))
    table: dict[str, dict[str, str]] = {}
    for method, line in cells:
        table.setdefault(method, {}).update({name: text + mark[note] for name, (text, note) in line.items()})
    columns = list(dict.fromkeys(name for _, line in cells for name in line))
    return TextTable(columns, [[line.get(name, "") for name in columns] for line in table.values()], LEFT, notes=notes)


def _method_cell(method: str, rows: Sequence[ResultRow]) -> dict[str, tuple[str, str]]:
    """A method's label, and what it saw in any of the sets."""
    inputs = dict.fromkeys(part for row in rows if row.method == method for part in row.input.split("; ") if part)
    return {"method": (method, "; ".join(inputs))}


def _cells(row: ResultRow) -> dict[str, tuple[str, str]]:
    """By column, the values and what is to stand beside them; PSNR and SSIM are one cell."""
    title, means, remarks = title_of(row.set), row.means, row.remarks
    together = [metric for metric in row.metrics if metric.name in TOGETHER]
    cells = {}
    if together:
        text = " / ".join(metric.text(means[metric.name]) for metric in together)
        cells[title] = text, "; ".join(filter(None, (remarks[metric.name] for metric in together)))
    for metric in row.metrics:
        if metric not in together:
            arrow = " ↓" if metric.better == "lower" else ""
            cells[f"{title} {metric.title}{arrow}"] = metric.text(means[metric.name]), remarks[metric.name]
    return cells


def printed_table(board: Board, scale: int) -> TextTable:
    """Returns ours, the numbers in print, and ours minus those in dB, under the protocol of the latter."""
    rows = [row for row in board.rows if row.scale == scale and row.published is not None and "psnr" in row.means]
    table: dict[tuple[str, str], dict[str, str]] = {}
    for row in rows:
        line = table.setdefault((row.method, row.protocol), {"method": row.method, "protocol": row.protocol})
        line |= dict(zip(_printed_columns(row), _printed_cells(row), strict=True))
    columns = [*LEFT, *dict.fromkeys(name for row in rows for name in _printed_columns(row))]
    return TextTable(columns, [[line.get(name, "") for name in columns] for line in table.values()], LEFT)


def _printed_columns(row: ResultRow) -> list[str]:
    title = title_of(row.set)
    return [f"{title} ours", f"{title} in print", f"{title} difference"]


def _printed_cells(row: ResultRow) -> list[str]:
    assert row.published is not None
    theirs, means = row.published, row.means
    ours = f"{means.psnr:.2f}" + (f" / {means.ssim:.4f}" if "ssim" in means else "")
    printed = f"{theirs['psnr']:.2f}" + (f" / {theirs['ssim']:.4f}" if theirs["ssim"] is not None else "")
    gap = difference(means.psnr, theirs["psnr"])
    return [ours, printed, "" if gap is None else f"{gap:+.2f}"]


def cost_table(board: Board) -> TextTable:
    """Returns a row for every method and scale, and notes that say what the columns count."""
    machines = dict.fromkeys(cost.machine for cost in board.costs)
    marks, several = numbered_notes([name if len(machines) > 1 else "" for name in machines])
    marked = dict(zip(machines, marks, strict=True))
    columns = ["method", "scale", "parameters", "multiply-adds", "activations", "memory, MB", "seconds"]
    body = [_cost_cells(cost, marked[cost.machine]) for cost in board.costs]
    height, width = OUTPUT
    notes = [
        f"Multiply-adds: of convolutions, for an output of {width} x {height}. Activations: values that convolutions "
        f"give for an LR image of {LR_SIDE} x {LR_SIDE}, as the challenges on efficient super-resolution count them.",
        f"Memory: what tensors take at once for an LR image of {LR_SIDE} x {LR_SIDE}, computed, without the weights. "
        f"Seconds: the median for such an image on this machine{'s' * (len(machines) > 1)}"
        f"{': ' + next(iter(machines)) if len(machines) == 1 else ''}.",
    ]
    return TextTable(columns, body, ("method", "scale"), notes=[*notes, *several])


def _cost_cells(cost: Cost, mark: str) -> list[str]:
    sizes = [short(count, " ") for count in (cost.parameters, cost.multiply_adds, cost.activations)]
    return [cost.method, f"x{cost.scale}", *sizes, f"{cost.memory / 1e6:,.0f}", f"{cost.seconds:.3f}{mark}"]


def costs_csv(costs: Sequence[Cost]) -> str:
    """Returns costs.csv: one line for every method and scale, at full precision."""
    lines = ((c.method, c.scale, c.parameters, c.multiply_adds, c.activations, c.memory, c.seconds, c.machine)
             for c in costs)  # fmt: skip
    return csv_text([COSTS, *lines])
