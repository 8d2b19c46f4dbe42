"""Reads the runs of a sweep: their configurations, validation curves and results."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from srlab.errors import SrlabError
from srlab.evaluation.results import AGAIN, read_json
from srlab.finite import from_json, in_json
from srlab.plain_files import read_plain_yaml
from srlab.plain_schema import check, dict_of, integer, list_of, number, optional, plain, record
from srlab.run_files import DIVERGED, RunFiles
from srlab.training.loggers.csv_log import read_rows

OUT = "report"  # the folder in a sweep that is no run
BICUBIC = "bicubic"
SAME = 0.01  # dB; bicubic of the same images differs by less on any machine

LOSS = dict_of(optional(record({}, {"weight": optional(number)})), of="loss terms")
CONFIG = record(
    {"seed": integer()},
    {
        "trainer": optional(record({}, {"max_steps": optional(integer())})),
        "loss": optional(LOSS),
        "model": optional(dict_of(plain)),
        "data": optional(dict_of(plain)),
    },
)
# What a run's results have beyond those of evaluate.py.
IMAGE = record({"psnr": in_json, "ssim": in_json})
OF_RUN = record(
    {"rows": list_of(record({"seconds": number, "parameters": integer(0), "images": dict_of(IMAGE)}))},
    {"training": optional(record({"seconds": number}))},
)

Place = tuple[str, int]  # set, scale


@dataclass(frozen=True)
class Measured:
    """One method on one set at one scale.

    Attributes:
        protocol: the protocol's name.
        psnr: by image, in dB, finite or not.
        ssim: by image.
        seconds: of one image.
        parameters: trainable ones.
        published: {"psnr", "ssim"}, or None.
    """

    protocol: str
    psnr: dict[str, float]
    ssim: dict[str, float]
    seconds: float
    parameters: int
    published: dict[str, float | None] | None

    @property
    def by_title(self) -> dict[str, dict[str, float]]:
        return {"PSNR": self.psnr, "SSIM": self.ssim}


@dataclass(frozen=True)
class Results:
    """The content of a run's results.json.

    Attributes:
        own: the run's own method.
        bicubic: bicubic on the same images.
        training: seconds of training; None where the file does not say.
    """

    own: dict[Place, Measured]
    bicubic: dict[Place, Measured]
    training: float | None

    @property
    def protocols(self) -> list[str]:
        return sorted({m.protocol for m in [*self.own.values(), *self.bicubic.values()]})

    @property
    def sets(self) -> dict[str, tuple[str, ...]]:
        """Names of the images by set."""
        return {name: tuple(measured.psnr) for (name, _), measured in self.own.items()}


@dataclass(frozen=True)
class SweepRun:
    """A folder with a config.yaml.

    Attributes:
        folder: the run's.
        config: its whole configuration.
        seed: from the configuration.
        curve: (steps done, validation PSNR in dB, finite or not).
        last_step: steps done at the last line of its log.
        results: None for an unfinished run.
        diverged: whether its training was stopped because it diverged.
    """

    folder: Path
    config: dict[str, Any]
    seed: int
    curve: tuple[tuple[int, float], ...]
    last_step: int
    results: Results | None
    diverged: bool = False

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def missing(self) -> str:
        """Says why the run is not in the table."""
        most = (self.config.get("trainer") or {}).get("max_steps")
        why = "training diverged" if self.diverged else "no results.json"
        return f"{why}; its log ends at step {self.last_step:,}" + (f" of {most:,}" if most else "")


def read_sweep(folder: Path) -> tuple[list[SweepRun], list[str]]:
    """Reads a sweep's folder.

    Returns:
        The runs in the order of their names, and the names of other sub-folders.

    Raises:
        SrlabError: the folder is not there, has no run or no finished one, or a file in it is damaged.
    """
    if not folder.is_dir():
        raise SrlabError(f"{folder}: no such folder. Give the folder of a sweep, which holds a folder for every run.")
    children = sorted(
        (path for path in folder.iterdir() if path.is_dir() and path.name != OUT and not path.name.startswith(".")),
        key=lambda path: path.name,
    )
    runs = [_read_run(path) for path in children if RunFiles(path).is_run]
    if not runs:
        hint = " It is itself a run; give the folder above." if RunFiles(folder).is_run else ""
        raise SrlabError(f"{folder}: holds no runs (folders with a config.yaml, as train.py makes them).{hint}")
    if all(run.results is None for run in runs):
        raise SrlabError(
            f"{folder}: no run has finished; none of {_listed(run.name for run in runs)} has a results.json. Look at "
            f"their logs, and go on with resume=auto."
        )
    return runs, [path.name for path in children if not RunFiles(path).is_run]


def check_comparable(runs: Iterable[SweepRun]) -> None:
    """Raises SrlabError unless all finished runs have one protocol and, set by set, the same images."""
    by_rules: dict[str, list[SweepRun]] = {}
    for run in runs:
        if run.results is not None:
            by_rules.setdefault(_rules(run.results), []).append(run)
    if len(by_rules) > 1:
        groups = "; ".join(f"{rules}: {_listed(run.name for run in group)}" for rules, group in by_rules.items())
        raise SrlabError(f"the runs were not measured alike. {groups}. Evaluate them alike, or move some elsewhere.")
    finished = [run for group in by_rules.values() for run in group]
    if len({tuple(sorted(run.results.sets.items())) for run in finished if run.results}) > 1:
        raise SrlabError(f"{_listed(run.name for run in finished)}: sets of the same names hold other images.")
    _check_bicubic(finished)


def _rules(results: Results) -> str:
    sets = ", ".join(f"{name} ({len(images)} images)" for name, images in sorted(results.sets.items()))
    return f"protocol {', '.join(results.protocols)} on {sets}"


def _check_bicubic(finished: list[SweepRun]) -> None:
    """Raises SrlabError where bicubic differs between runs: then images of the same names differ too."""
    seen: dict[Place, tuple[SweepRun, Measured]] = {}
    for run in finished:
        assert run.results is not None
        for place, measured in run.results.bicubic.items():
            first, reference = seen.setdefault(place, (run, measured))
            for image, psnr in measured.psnr.items():
                other = reference.psnr.get(image, math.nan)
                if not (psnr == other or abs(psnr - other) < SAME):
                    raise SrlabError(
                        f"{place[0]} x{place[1]}: bicubic scores {psnr:.2f} dB on {image} in {run.name}, {other:.2f} "
                        f"in {first.name}: they were measured on other images. Evaluate them on the same."
                    )


def _listed(names: Iterable[str], most: int = 8) -> str:
    names = list(names)
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _read_run(folder: Path) -> SweepRun:
    files = RunFiles(folder)
    config = _read_config(files.config)
    rows = read_rows(files.metrics_log)
    curve, last = _curve(rows)
    results = _read_results(files.results) if files.is_finished else None
    diverged = bool(rows) and rows[-1].get(DIVERGED) == "1"
    return SweepRun(folder, config, config["seed"], curve, last, results, diverged)


def _read_config(path: Path) -> dict[str, Any]:
    """Reads a run's configuration as it is written. A stranger's may have ${oc.env:SECRET} in it: it stays so."""
    advice = "It should be the configuration of a run, as train.py writes it; restore it, or move the run elsewhere."
    config: dict[str, Any] = read_plain_yaml(path, advice)
    check(config, CONFIG, path, advice)
    return config


def _curve(rows: list[dict[str, str]]) -> tuple[tuple[tuple[int, float], ...], int]:
    """Returns (steps done, validation PSNR), and the steps done at the last line. The log counts steps from 0."""
    steps = [int(row["step"]) + 1 for row in rows]
    points = [(step, row.get("val/psnr")) for step, row in zip(steps, rows, strict=True)]
    return tuple((step, float(psnr)) for step, psnr in points if psnr), max(steps, default=0)


def _read_results(path: Path) -> Results:
    content = read_json(path)
    check(content, OF_RUN, path, AGAIN)
    own = _places([row for row in content["rows"] if row["method"] != BICUBIC], path)
    bicubic = _places([row for row in content["rows"] if row["method"] == BICUBIC], path)
    if not own:
        raise SrlabError(f"{path}: rows has no row of the run's own method. {AGAIN}")
    training = content.get("training")
    return Results(own, bicubic, None if training is None else float(training["seconds"]))


def _places(rows: list[dict[str, Any]], path: Path) -> dict[Place, Measured]:
    places: dict[Place, Measured] = {}
    for row in rows:
        place = str(row["set"]), int(row["scale"])
        if place in places:
            where = f"{place[0]} x{place[1]}"
            raise SrlabError(f"{path}: several methods on {where}; expected the run's own, and bicubic. {AGAIN}")
        places[place] = _measured(row)
    return places


def _measured(row: dict[str, Any]) -> Measured:
    images = row["images"]
    return Measured(
        protocol=row["protocol"],
        psnr={name: from_json(image["psnr"]) for name, image in images.items()},
        ssim={name: from_json(image["ssim"]) for name, image in images.items()},
        seconds=float(row["seconds"]),
        parameters=int(row["parameters"]),
        published=row["published"],
    )
