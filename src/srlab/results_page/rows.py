"""The rows of results.json as the page needs them, checked: values of metrics as numbers, costs beside them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from srlab.data.catalog import title_of
from srlab.errors import SrlabError
from srlab.evaluation.complexity import LR_SIDE
from srlab.evaluation.results import AGAIN, read_json
from srlab.finite import from_json, in_json
from srlab.labels import printable
from srlab.metrics.by_name import PLAIN
from srlab.metrics.metric import Metric
from srlab.metrics.perceptual import DISTANCES
from srlab.plain_schema import anything, check, dict_of, integer, list_of, number, optional, record, text

LR = f"an LR image of {LR_SIDE} x {LR_SIDE}"  # that a leaderboard's costs are of
ROW = record({}, {"images": dict_of(dict_of(in_json)), **dict.fromkeys((*PLAIN, *DISTANCES), in_json)})
COST = record(
    {"method": text(), "scale": integer(1)},
    {"activations": integer(0), "memory": integer(0), "seconds": number, "machine": text()},
)
BOARD = record({}, {"protocol": text(), "costs": list_of(COST, of="costs")})
FILE = record({"rows": list_of(ROW)}, {"leaderboard": optional(BOARD), "metrics": optional(dict_of(dict_of(anything)))})


@dataclass(frozen=True)
class Row:
    """One method on one set at one scale under one protocol.

    Attributes:
        method: its label, as text to show.
        label: as it is in the file, from which names of files are made.
        set: the set's name in options.
        scale: of the super-resolution.
        protocol: its name.
        means: by metric; infinite and NaN as `srlab.finite` says.
        images: the same by the name of an image.
        published: {"psnr", "ssim"} in print, or None.
        costs: numbers by parameters, multiply_adds, activations, memory (bytes), seconds; those that are known.
        timed_on: what the seconds depend on.
        input: what the method saw where that is not the image itself.
    """

    method: str
    label: str
    set: str
    scale: int
    protocol: str
    means: Mapping[str, float]
    images: Mapping[str, Mapping[str, float]]
    published: Mapping[str, float | None] | None
    costs: Mapping[str, float]
    timed_on: str
    input: str

    @property
    def n(self) -> int:
        return len(self.images)


@dataclass(frozen=True)
class Results:
    """A results.json.

    Attributes:
        rows: in the order of the file.
        protocol: the one of the saved images.
        about: what a metric's numbers are of, by its title, where the file says it.
    """

    rows: list[Row]
    protocol: str
    about: Mapping[str, str] = field(default_factory=dict)

    def metrics(self, rows: Iterable[Row]) -> list[Metric]:
        """Returns what was measured in some rows, in the order of columns."""
        return [metric_of(name) for name in dict.fromkeys(name for row in rows for name in row.means)]


def read_results(path: Path) -> Results:
    """Reads a results.json of evaluate.py, of a training, or of a leaderboard.

    Raises:
        SrlabError: it cannot be read, has a value of another kind, no rows, or two rows of the same.
    """
    content = read_json(path)
    check(content, FILE, path, AGAIN)
    board = content.get("leaderboard") or {}
    costs = {(cost["method"], cost["scale"]): cost for cost in board.get("costs", [])}
    rows = [_row(row, costs.get((row["method"], row["scale"]), {})) for row in content["rows"]]
    if not rows:
        raise SrlabError(f"{path}: has no rows. {AGAIN}")
    keys = [(row.label, row.set, row.scale, row.protocol) for row in rows]
    for index, key in enumerate(keys):
        if key in keys[:index]:
            raise SrlabError(f"{path}: two rows of {rows[index].method} on {key[1]} x{key[2]} ({key[3]}). {AGAIN}")
    about = {
        metric_of(name).title: str(said["about"])
        for name, said in (content.get("metrics") or {}).items()
        if said.get("about")
    }
    return Results(rows, board.get("protocol", rows[0].protocol), about)


def _row(given: dict[str, Any], cost: Mapping[str, Any]) -> Row:
    images = {
        name: {metric: from_json(value) for metric, value in values.items()}
        for name, values in given.get("images", {}).items()
    }
    names = dict.fromkeys(name for values in images.values() for name in values if name in given)
    names = names or {name: None for name in (*PLAIN, *DISTANCES) if name in given}
    costs = {**{key: given.get(key) for key in ("parameters", "multiply_adds", "seconds")}, **cost}
    numbers = ("parameters", "multiply_adds", "activations", "memory", "seconds")
    return Row(
        method=printable(given["method"]),
        label=given["method"],
        set=given["set"],
        scale=given["scale"],
        protocol=given["protocol"],
        means={name: from_json(given[name]) for name in names},
        images=images,
        published=given.get("published"),
        costs={name: costs[name] for name in numbers if costs.get(name) is not None},
        timed_on=f"{LR}, {cost['machine']}" if cost.get("machine") else given.get("timed_on") or "",
        input=given.get("input") or "",
    )


def metric_of(name: str) -> Metric:
    """Returns how a metric of results.json is shown. One that this srlab does not know is shown by its name."""
    if name in PLAIN:
        return PLAIN[name].metric
    plain = name.removesuffix("_random")
    if plain in DISTANCES:
        title = DISTANCES[plain].title
        return Metric(name, title if plain == name else f"{title}, random weights", "lower", 4)
    return Metric(name, printable(name), None, 4)


def set_title(name: str) -> str:
    """Returns a set's name as papers write it, as text to show."""
    return printable(title_of(name))
