"""What the folder of a leaderboard holds: results.json, with the identity of its rows, and costs, beside the rows."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from srlab.errors import SrlabError
from srlab.evaluation.costs import Cost
from srlab.evaluation.measure import ResultRow
from srlab.evaluation.results import read_json, write_json
from srlab.finite import from_json, in_json
from srlab.metrics.metric import Metric, Quality
from srlab.plain_schema import boolean, check, dict_of, integer, list_of, number, optional, record, text
from srlab.run_files import RESULTS

KEY = "leaderboard"  # of results.json
ADVICE = "Say overwrite=true to forget what is there, or choose another folder: out=OTHER"

METRIC = record(
    {
        "name": text(),
        "title": text(),
        "better": optional(text("higher|lower", "higher or lower")),
        "digits": integer(0, 20),
        "unit": text(),
        "about": text(),
    },
    closed=True,
)
COST = record(
    {
        "method": text(),
        "scale": integer(1),
        "parameters": integer(0),
        "multiply_adds": integer(0),
        "activations": integer(0),
        "memory": integer(0),
        "seconds": number,
        "machine": text(),
        "weights": text(),
    },
    closed=True,
)
IDENTITY = record(
    {"origin": text(), "weights": text(), "images": text(), "saved": boolean, "metrics": list_of(METRIC, least=1)}
)
ROW = record(
    {
        "images": dict_of(dict_of(in_json, least=1), least=1, of="images"),
        "seconds": number,
        "parameters": integer(0),
        "multiply_adds": integer(0),
        "input": text(),
        "timed_on": text(),
        "published": optional(record({"psnr": number, "ssim": optional(number)})),
    }
)
FACTS = record({"protocol": text(), "identity": list_of(IDENTITY), "costs": list_of(COST)})
FILE = record({KEY: FACTS, "rows": list_of(ROW)})

Place = tuple[str, str, int, str]  # method, set, scale, protocol


@dataclass(frozen=True)
class Measured:
    """A row, and what it was measured of.

    Attributes:
        row: the result.
        origin: of the method, such as pretrained:srcnn_x2 or a file; "" for interpolation.
        weights: the SHA-256 of that file; "" without one.
        images: the identity of the set's images.
        saved: whether the results were saved as images.
    """

    row: ResultRow
    origin: str
    weights: str
    images: str
    saved: bool

    @property
    def place(self) -> Place:
        return self.row.method, self.row.set, self.row.scale, self.row.protocol


@dataclass(frozen=True)
class Board:
    """All that was measured for a leaderboard.

    Attributes:
        protocol: that all methods are compared under; rows of another one stand beside numbers in print.
        entries: one for every method, set, scale and protocol.
        costs: one for every method and scale.
    """

    protocol: str
    entries: tuple[Measured, ...] = ()
    costs: tuple[Cost, ...] = ()

    @property
    def rows(self) -> list[ResultRow]:
        """All rows."""
        return [entry.row for entry in self.entries]

    @property
    def compared(self) -> list[ResultRow]:
        """The rows under the board's own protocol."""
        return [row for row in self.rows if row.protocol == self.protocol]

    def at(self, place: Place) -> Measured | None:
        """Returns what was measured at a place; None for nothing."""
        return next((entry for entry in self.entries if entry.place == place), None)

    def with_row(self, new: Measured) -> "Board":
        """Returns the board with a row, in place of the one of the same method, set, scale and protocol.

        Rows that do not go together with it are left out: of the same method with other weights, and of a set whose
        images were others.
        """

        def stays(entry: Measured) -> bool:
            old, row = entry.row, new.row
            another_network = (old.method, old.scale) == (row.method, row.scale) and entry.weights != new.weights
            other_images = (old.set, old.scale) == (row.set, row.scale) and entry.images != new.images
            return entry.place != new.place and not another_network and not other_images

        return replace(self, entries=(*filter(stays, self.entries), new))

    def has_cost(self, method: str, scale: int, weights: str, machine: str) -> bool:
        """Tells whether the costs of a method with these weights were measured on this machine."""
        return any((c.method, c.scale, c.weights, c.machine) == (method, scale, weights, machine) for c in self.costs)

    def with_cost(self, new: Cost) -> "Board":
        """Returns the board with a cost, in place of the one of the same method and scale."""
        place = new.method, new.scale
        return replace(self, costs=(*(cost for cost in self.costs if (cost.method, cost.scale) != place), new))

    def ordered(self, labels: Sequence[str], sets: Sequence[str]) -> "Board":
        """Returns the board by set, scale and method, in the order of the arguments; what they lack comes last."""

        def rank(name: str, names: Sequence[str]) -> int:
            return names.index(name) if name in names else len(names)

        def order(row: ResultRow) -> tuple[int, int, int, bool]:
            return rank(row.set, sets), row.scale, rank(row.method, labels), row.protocol != self.protocol

        return replace(
            self,
            entries=tuple(sorted(self.entries, key=lambda entry: order(entry.row))),
            costs=tuple(sorted(self.costs, key=lambda cost: (cost.scale, rank(cost.method, labels)))),
        )


def write_board(board: Board, out: Path) -> None:
    """Writes OUT/results.json, whole or not at all: evaluate.py's rows, and what a board has beside them."""
    identity = [
        {
            "origin": entry.origin,
            "weights": entry.weights,
            "images": entry.images,
            "saved": entry.saved,
            "metrics": [asdict(metric) for metric in entry.row.metrics],
        }
        for entry in board.entries
    ]
    costs = [asdict(cost) for cost in board.costs]
    facts = {"protocol": board.protocol, "identity": identity, "costs": costs}
    write_json(board.rows, out / RESULTS, {KEY: facts})


def read_board(out: Path) -> Board:
    """Reads OUT/results.json.

    Raises:
        SrlabError: it cannot be read, is damaged, or is of another command.
    """
    path = out / RESULTS
    content = read_json(path)
    if KEY not in content:
        raise SrlabError(f"{path}: is of another command, not of srlab leaderboard. {ADVICE}")
    check(content, FILE, path, ADVICE)
    facts, rows = content[KEY], content["rows"]
    if len(facts["identity"]) != len(rows):
        raise SrlabError(f"{path}: has {len(rows)} rows and {len(facts['identity'])} identities. {ADVICE}")
    entries = tuple(_measured(row, identity) for row, identity in zip(rows, facts["identity"], strict=True))
    costs = tuple(Cost(**cost) for cost in facts["costs"])
    return Board(facts["protocol"], entries, costs)


def _measured(row: dict[str, Any], identity: dict[str, Any]) -> Measured:
    images = {name: Quality({key: from_json(value) for key, value in values.items()})
              for name, values in row["images"].items()}  # fmt: skip
    keys = ("method", "scale", "set", "protocol", "seconds", "parameters", "multiply_adds", "input", "published")
    metrics = tuple(Metric(**metric) for metric in identity["metrics"])
    read = ResultRow(**{key: row[key] for key in keys}, images=images, metrics=metrics, timed_on=row["timed_on"])
    return Measured(read, *(identity[key] for key in ("origin", "weights", "images", "saved")))
