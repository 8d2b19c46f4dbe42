"""`srlab standard-table`: finds weights, measures them by the protocol of each row, writes the table."""

import functools
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from srlab.atomic_write import write_text
from srlab.config.compose import composed
from srlab.config.folder import CONF
from srlab.config.parse import parse
from srlab.config.schema import EvaluateConfig, ModelConfig
from srlab.console import print_whole
from srlab.data.catalog import CATALOG, present
from srlab.data.evaluation_sets import evaluation_sets
from srlab.data.image_sets import ImageSet
from srlab.errors import SrlabError, nearest
from srlab.evaluation.complexity import multiply_adds, trainable_parameters
from srlab.evaluation.literature import Entry, LiteratureTable, find_table
from srlab.evaluation.measure import EvaluationSettings, ResultRow, evaluate
from srlab.evaluation.progress import ShowProgress, progress_shown
from srlab.evaluation.published import published_parameters, published_sizes
from srlab.evaluation.standard_table import TableLine, comma_separated, literature_table
from srlab.evaluation.weights_folder import Weights, method_with, read_weights, weight_files
from srlab.methods import find_method
from srlab.methods.super_resolver import SuperResolver
from srlab.metrics.protocol import protocol
from srlab.training.devices import inference_device


@dataclass(frozen=True)
class Request:
    """What to print and to measure.

    Attributes:
        table: its name.
        scale: one of the table's.
        weights: a folder; None measures nothing.
        sets: names; None for those of the table that are under `root`.
        rows: methods as published.yaml names them; None for all.
        root: data.root.
        ensemble: whether rows of the self-ensemble are measured.
        tile: as `upscale` takes it.
        accelerator: auto, cpu, gpu or mps (Apple's GPU).
    """

    table: str
    scale: int
    weights: Path | None = None
    sets: list[str] | None = None
    rows: list[str] | None = None
    root: Path = Path("data")
    ensemble: bool = True
    tile: int | None = None
    accelerator: str = "auto"


def write_table(request: Request, layout: str, out: Path | None) -> list[TableLine]:
    """Prints the table, or writes it to a file, and returns its lines.

    Args:
        request: what to print and to measure.
        layout: markdown, latex or csv.
        out: a file; None prints.

    Raises:
        SrlabError: a scale, a set or a method that the table does not have, no weights in the folder, sets that are not
            there, or a folder of `out` that is not there.
    """
    if out is not None and not out.parent.is_dir():
        raise SrlabError(f"out={out}: there is no folder {out.parent}. Make it, or choose another file.")
    table = find_table(request.table)
    table.check_scale(request.scale)
    lines = table_lines(table, request)
    if layout == "csv":
        text = comma_separated(table, request.scale, lines)
    else:
        written = literature_table(table, request.scale, lines)
        text = written.latex() if layout == "latex" else written.markdown()
    if out is None:
        print_whole(text.rstrip("\n"))
    else:
        write_text(out, text)
        print(f"written: {out}")
    return lines


def table_lines(table: LiteratureTable, request: Request) -> list[TableLine]:
    """Returns the rows of a table, measured where there are weights; errors are those of `write_table`."""
    entries = _chosen(table, request)
    measured: dict[str, list[TableLine]] = {}
    if request.weights is not None:
        files = weight_files(request.weights)
        sets = _sets(table, request, entries)
        device = inference_device(request.accelerator)
        with progress_shown() as progress:
            bench = _Bench(table, request, sets, device, progress)
            for line in bench.lines(entries, files):
                measured.setdefault(line.entry.title, []).append(line)
    lines = []
    for entry in entries:
        lines += measured.get(entry.title) or [_without_measurement(table, entry, request.scale)]
    return lines


def _chosen(table: LiteratureTable, request: Request) -> list[Entry]:
    """Returns the rows that were asked for."""
    entries = table.rows(request.scale)
    known = [entry.method for entry in entries if entry.method is not None]
    for name in request.rows or ():
        if name not in known:
            raise SrlabError(f"rows={name}: no method of this table; it has {', '.join(known)}.{nearest(name, known)}")
    return [entry for entry in entries if request.rows is None or entry.method in request.rows]


def _sets(table: LiteratureTable, request: Request, entries: Sequence[Entry]) -> dict[str, ImageSet]:
    """Returns the sets to measure on, by their names in the table, checked for the protocols of all rows."""
    names = request.sets
    if names is None:
        names = [name for name in table.measured if present(CATALOG[name], request.root)]
    table.check_sets(names)
    if not names:
        wanted = ", ".join(table.measured)
        raise SrlabError(
            f"data.root={request.root}: none of {wanted} is there. Say where they are, or srlab data fetch."
        )
    sets = dict(zip(names, evaluation_sets(names, request.root, table.degradation), strict=True))
    protocols = {name for entry in entries if (name := table.protocol_of(entry)) is not None}
    for image_set in sets.values():
        for name in sorted(protocols):
            image_set.check([request.scale], protocol(name))
    return sets


@dataclass(frozen=True)
class _Bench:
    """Measures weights for the rows of a table."""

    table: LiteratureTable
    request: Request
    sets: dict[str, ImageSet]
    device: torch.device
    progress: ShowProgress

    def lines(self, entries: Sequence[Entry], files: Sequence[Path]) -> Iterator[TableLine]:
        """Yields a line for every row that needs no weights, and then for every file and row that it is for.

        What cannot be read, or is of no row, is named on stderr; the others go on.
        """
        wanted = [entry for entry in entries if self.request.ensemble or not entry.ensemble]
        for entry in wanted:
            method = self._without_weights(entry)
            if method is not None:
                yield self._line(entry, method, "")
        for file in files:
            found = 0
            try:
                weights = read_weights(file)
                for line in self._of_file(wanted, weights, self._name(file)):
                    found += 1
                    yield line
            except SrlabError as error:
                _say(f"left out: {error}")
            else:
                if not found:
                    _say(f"left out: {file}: no row of x{self.request.scale} has {weights}")

    def _without_weights(self, entry: Entry) -> SuperResolver | None:
        """Returns the method of a row whose network has no weights, such as bicubic."""
        config = _configured(entry.model, self.request.scale)
        slow = entry.method in self.table.slow and entry.method not in (self.request.rows or ())
        sketch = None if config is None or slow else _sketch(config, self.request.scale)
        if config is None or sketch is None or sketch.network.state_dict():
            return None
        return find_method(config.method)(config.network).eval()

    def _of_file(self, entries: Sequence[Entry], weights: Weights, name: str) -> Iterator[TableLine]:
        scale = self.request.scale
        for entry in entries:
            config = _configured(entry.model, scale)
            if config is None or entry.method is None:
                continue
            sizes = published_sizes(entry.method, scale)
            method = method_with(weights, config.method, config.network, scale, sizes)
            if method is not None:
                yield self._line(entry, method, name)

    def _line(self, entry: Entry, method: SuperResolver, name: str) -> TableLine:
        measured = {key: self._row(entry, method, image_set) for key, image_set in self.sets.items()}
        first = next(iter(measured.values()))
        return TableLine(entry, first.parameters, first.multiply_adds, name, measured)

    def _row(self, entry: Entry, method: SuperResolver, image_set: ImageSet) -> ResultRow:
        name = self.table.protocol_of(entry)
        assert name is not None and entry.model is not None
        settings = EvaluationSettings(
            protocol=protocol(name),
            device=self.device,
            tile=self.request.tile,
            ensemble=entry.ensemble,
            progress=self.progress,
        )
        (row,) = evaluate([(entry.model, method)], [image_set], [self.request.scale], settings)
        return row

    def _name(self, file: Path) -> str:
        assert self.request.weights is not None
        return file.name if file == self.request.weights else str(file.relative_to(self.request.weights))


def _without_measurement(table: LiteratureTable, entry: Entry, scale: int) -> TableLine:
    """Returns a row as published, with the size of our network, or where it lacks the scale of the published one."""
    size = _size(entry.model, scale)
    is_published = any(table.quality(entry, name, scale) for name in table.sets)
    if size is None and entry.method is not None and is_published:
        return TableLine(entry, published_parameters(entry.method, scale))
    return TableLine(entry, *(size or ()))


@functools.cache
def _size(model: str | None, scale: int) -> tuple[int, int] | None:
    """Returns the parameters and multiply-adds of our network; None where it has no weights, or srlab lacks it."""
    config = _configured(model, scale)
    method = None if config is None else _sketch(config, scale)
    parameters = 0 if method is None else trainable_parameters(method)
    return (parameters, multiply_adds(method, scale)) if method is not None and parameters else None


@functools.cache
def _configured(model: str | None, scale: int) -> ModelConfig | None:
    """Returns what conf/model says of a method at a scale; None where it does not have the method."""
    if model is None or not (CONF / "model" / f"{model}.yaml").is_file():
        return None
    return parse(composed("evaluate", [f"model={model}", f"scale={scale}"]), EvaluateConfig).model


def _sketch(config: ModelConfig, scale: int) -> SuperResolver | None:
    """Builds a method without values for its weights; None where its network does not have the scale."""
    try:
        with torch.device("meta"):
            method = find_method(config.method)(config.network)
    except SrlabError:
        return None
    scales = method.traits.scales
    return method if scales is None or scale in scales else None


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
