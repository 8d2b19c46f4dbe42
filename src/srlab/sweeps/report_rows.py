"""Groups the runs of a sweep into rows by their configurations, and labels the rows."""

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from srlab.errors import SrlabError, nearest
from srlab.labels import printable_line
from srlab.losses.weighted import LOSS_TERMS
from srlab.sweeps.report_data import SweepRun

# Keys in which the runs of one row may differ, with the reason; "logger." is all that begins so. What is not here makes
# another row: better two rows that mean the same than a mean over runs that do not.
IGNORED = {
    "seed": "a row is a mean over seeds",
    "name": "where the run is kept",
    "runs": "where the run is kept",
    "overwrite": "what became of an earlier run",
    "resume": "a resumed run ends as one that was never stopped",
    "sets": "results.json says what was measured, and all runs must have measured the same",
    "logger.": "what is written beside metrics.csv",
    "trainer.devices": "processes share the global batch, and see the same patches on any number of them",
    "trainer.progress_bar": "what is shown",
    "trainer.log_every_n_steps": "what is shown",
    "data.root": "where the images are; bicubic's PSNR tells whether they are the same",
    "data.cache": "where the images are",
    "data.num_workers": "patches depend on seed and step, not on who cuts them",
}

MODEL = "model.name"

RowSettings = dict[str, str]
Loss = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class SweepRow:
    """All runs with the same settings.

    Attributes:
        label: what tells the row from others.
        settings: value as text by dotted key, without IGNORED.
        runs: finished or not.
    """

    label: str
    settings: RowSettings
    runs: list[SweepRun]

    @property
    def finished(self) -> dict[int, SweepRun]:
        """Finished runs by seed, in order; of two runs with one seed the first."""
        runs: dict[int, SweepRun] = {}
        for run in sorted(self.runs, key=lambda run: run.seed):
            if run.results is not None:
                runs.setdefault(run.seed, run)
        return runs

    @property
    def left_out(self) -> list[SweepRun]:
        """Finished runs of a seed that an earlier run has: counted too, that seed would weigh double."""
        used = self.finished
        return [run for run in self.runs if run.results is not None and used[run.seed] is not run]


def make_rows(runs: Sequence[SweepRun]) -> list[SweepRow]:
    """Returns a row for all runs that differ only in IGNORED, in the order of folder names, numbers by their value."""
    groups: dict[tuple[tuple[str, str], ...], list[SweepRun]] = {}
    for run in sorted(runs, key=lambda run: _natural(run.name)):
        groups.setdefault(tuple(sorted(settings_of(run.config).items())), []).append(run)
    members = list(groups.values())
    settings = [settings_of(group[0].config) for group in members]
    labels = _labels(settings, [_loss_of(group[0].config) for group in members])
    return [SweepRow(*parts) for parts in zip(labels, settings, members, strict=True)]


def find_reference(rows: Sequence[SweepRow], label: str | None, run: str | None = None) -> SweepRow:
    """Returns the row to compare the others with.

    Args:
        rows: of which one has results.
        label: what the person asked for.
        run: the name of a run in the row that the sweep itself compares with, where nothing was asked for. Without it,
            or without results in that row, the first row with results is taken.

    Raises:
        SrlabError: no row with results has this label.
    """
    finished = [row for row in rows if row.finished]
    if label is None:
        return next((row for row in finished if run in [member.name for member in row.runs]), finished[0])
    for row in finished:
        if row.label == label:
            return row
    labels = [row.label for row in finished]
    known = "has no finished run" if label in {row.label for row in rows} else "no such row"
    listed = ", ".join(f"'{name}'" for name in labels)
    raise SrlabError(f"reference={label}: {known}. Expected one of {listed}.{nearest(label, labels)}")


def settings_of(config: Mapping[str, Any]) -> RowSettings:
    """Returns every key that matters for the result, dotted, with its value as text. The whole loss is one key."""
    settings = {"loss": describe_loss(_loss_of(config))} if "loss" in config else {}
    settings |= {key: as_text(value) for key, value in _leaves(config) if not _ignored(key)}
    if settings.get("data.name") == "null" and "data.kind" in settings:
        settings["data.name"] = settings["data.kind"]  # as in names of runs
    return settings


def describe_loss(loss: Loss, shown: set[tuple[str, str]] | None = None) -> str:
    """Writes a loss as terms and weights, such as `l1`, `0.5 l2` or `l1 + 1e-08 tv`, with options in parentheses.

    Args:
        loss: options by term.
        shown: (term, option) to write, unless it has the term's default value; None writes all options.
    """
    terms = []
    for term, options in loss.items():
        weight = "" if options["weight"] == 1 else f"{as_text(options['weight'])} "
        kept = [
            f"{key}={as_text(value)}"
            for key, value in options.items()
            if key != "weight" and (shown is None or ((term, key) in shown and value != _default(term, key)))
        ]
        terms.append(f"{weight}{term}" + (f" ({', '.join(kept)})" if kept else ""))
    return " + ".join(terms)


def as_text(value: Any) -> str:
    """Returns a value as it is written on the command line."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    if isinstance(value, (list, tuple)):
        return f"[{','.join(map(as_text, value))}]"
    return str(value)


def telling_keys(rows: Sequence[RowSettings]) -> list[str]:
    """Returns the keys that differ between rows, without those that another key implies.

    A key is left out if a shorter key with the same last word has the same values (model.network.scale beside scale),
    or if the name of its group determines it (data.train beside data.name, momentum beside optimizer.name).
    """
    keys = list(dict.fromkeys(key for row in rows for key in row))
    differing = [key for key in keys if len({row.get(key) for row in rows}) > 1]

    def column(key: str) -> list[str | None]:
        return [row.get(key) for row in rows]

    def repeated(key: str) -> bool:
        same_word = [k for k in differing if _last(k) == _last(key) and k.count(".") < key.count(".")]
        return any(column(other) == column(key) for other in same_word)

    def implied(key: str) -> bool:
        name = f"{key.partition('.')[0]}.name"
        pairs = set(zip(column(name), column(key), strict=True))
        return name != key and name in differing and len(pairs) == len(set(column(name)))

    return [key for key in differing if not repeated(key) and not implied(key)]


def _labels(settings: Sequence[RowSettings], losses: Sequence[Loss]) -> list[str]:
    """Returns the model's name where models differ, and what tells a row from others of the same model.

    The recipe that comes with a model is therefore not in its label.
    """
    models = list(dict.fromkeys(row.get(MODEL) for row in settings))
    keys = {model: telling_keys([row for row in settings if row.get(MODEL) == model]) for model in models}
    short = _short_names(list(dict.fromkeys(key for shown in keys.values() for key in shown)))
    options = _telling_options(losses)
    labels = []
    for row, loss in zip(settings, losses, strict=True):
        model = row.get(MODEL, "")
        values = {**row, **({"loss": describe_loss(loss, options)} if "loss" in row else {})}
        parts = [f"{short[key]}={_shown(values[key])}" for key in keys[row.get(MODEL)] if key in values]
        labels.append(printable_line(", ".join([model] * (len(models) > 1 or not parts) + parts)))
    return labels


def _shown(value: str) -> str:
    """Rounds a number that a sampler has drawn, with 17 digits, to six."""
    try:
        return f"{float(value):.6g}" if len(value) > 8 else value
    except ValueError:
        return value


def _telling_options(losses: Sequence[Loss]) -> set[tuple[str, str]]:
    """Returns (term, option) wherever rows that have the term differ in the option."""
    places = {(term, key) for loss in losses for term, options in loss.items() for key in options}
    return {
        (term, key)
        for term, key in places
        if len({as_text(loss[term].get(key)) for loss in losses if term in loss}) > 1
    }


def _default(term: str, option: str) -> Any:
    known = inspect.signature(LOSS_TERMS[term]).parameters if term in LOSS_TERMS else {}
    return known[option].default if option in known else None


def _short_names(keys: Sequence[str]) -> dict[str, str]:
    """Returns the last word of each key, or the whole key where two words would be the same."""
    words = [_last(key) for key in keys]
    return {key: word if words.count(word) == 1 else key for key, word in zip(keys, words, strict=True)}


def _last(key: str) -> str:
    group, _, word = key.rpartition(".")
    return group.rpartition(".")[2] if group and word in ("name", "kind") else word


def _leaves(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in config.items():
        if prefix + key == "loss":
            continue
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _ignored(key: str) -> bool:
    return key in IGNORED or any(name.endswith(".") and key.startswith(name) for name in IGNORED)


def _loss_of(config: Mapping[str, Any]) -> Loss:
    """Returns the terms with a weight other than 0; the options of the others change nothing."""
    loss = config.get("loss") or {}
    return {term: {"weight": 0, **options} for term, options in loss.items() if options.get("weight")}


def _natural(name: str) -> list[str | int]:
    """Orders features-8 before features-64."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name)]
