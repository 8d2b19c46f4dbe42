"""Reads the runs of a sweep: their configurations, validation curves and results."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from srlab.errors import SrlabError
from srlab.evaluation.results import read_json
from srlab.run_files import RunFiles
from srlab.training.loggers.csv_log import read_rows

OUT = "report"  # the folder in a sweep that is no run
BICUBIC = "bicubic"
SAME = 0.01  # dB; bicubic of the same images differs by less on any machine

Place = tuple[str, int]  # set, scale


@dataclass(frozen=True)
class Measured:
    """One method on one set at one scale.

    Attributes:
        protocol: the protocol's name.
        psnr: by image, in dB; infinite for an exact copy.
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
        curve: (steps done, validation PSNR in dB).
        last_step: steps done at the last line of its log.
        results: None for an unfinished run.
    """

    folder: Path
    config: dict[str, Any]
    seed: int
    curve: tuple[tuple[int, float], ...]
    last_step: int
    results: Results | None

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def missing(self) -> str:
        """Says why the run is not in the table."""
        most = (self.config.get("trainer") or {}).get("max_steps")
        return f"no results.json; its log ends at step {self.last_step:,}" + (f" of {most:,}" if most else "")


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
    curve, last = _read_curve(files.metrics_log)
    results = _read_results(files.results) if files.is_finished else None
    return SweepRun(folder, config, config["seed"], curve, last, results)


def _read_config(path: Path) -> dict[str, Any]:
    try:
        config = OmegaConf.to_container(OmegaConf.load(path), resolve=True)
    except (YAMLError, OmegaConfBaseException, UnicodeDecodeError, OSError) as error:
        raise SrlabError(f"{path}: cannot be read ({str(error).partition(chr(10))[0]}).") from None
    if not isinstance(config, dict) or type(config.get("seed")) is not int:
        raise SrlabError(f"{path}: expected the configuration of a run, with its seed.")
    return config  # type: ignore[return-value]


def _read_curve(path: Path) -> tuple[tuple[tuple[int, float], ...], int]:
    """Returns (steps done, validation PSNR), and the steps done at the last line. The log counts steps from 0."""
    try:
        rows = read_rows(path)
        steps = [int(row["step"]) + 1 for row in rows]
        # The last line of a run that is going on may be half written: its missing columns are None.
        points = [(step, row.get("val/psnr")) for step, row in zip(steps, rows, strict=True)]
        return tuple((step, float(psnr)) for step, psnr in points if psnr), max(steps, default=0)
    except (KeyError, TypeError, ValueError) as error:
        raise SrlabError(f"{path}: damaged ({error!r}). Remove it to have a report without its curve.") from None


def _read_results(path: Path) -> Results:
    try:
        content = read_json(path)
        own = _places([row for row in content["rows"] if row["method"] != BICUBIC])
        bicubic = _places([row for row in content["rows"] if row["method"] == BICUBIC])
        if not own:
            raise ValueError("no row of the run's own method")
        training = content.get("training")
        return Results(own, bicubic, None if training is None else float(training["seconds"]))
    except (KeyError, TypeError, ValueError, AttributeError, OSError) as error:
        what = f"{type(error).__name__}: {error}".partition("\n")[0]
        raise SrlabError(
            f"{path}: damaged ({what}). Evaluate the run again (evaluate.py ckpt=...), or remove the file."
        ) from None


def _places(rows: list[dict[str, Any]]) -> dict[Place, Measured]:
    places: dict[Place, Measured] = {}
    for row in rows:
        place = str(row["set"]), int(row["scale"])
        if place in places:
            raise ValueError(f"several methods on {place[0]} x{place[1]}; expected the run's own, and bicubic")
        places[place] = _measured(row)
    return places


def _measured(row: dict[str, Any]) -> Measured:
    images = row["images"]
    if not images:
        raise ValueError(f"no images of {row['set']}")
    return Measured(
        protocol=row["protocol"],
        # JSON has no infinity; results.json holds null.
        psnr={name: math.inf if image["psnr"] is None else float(image["psnr"]) for name, image in images.items()},
        ssim={name: float(image["ssim"]) for name, image in images.items()},
        seconds=float(row["seconds"]),
        parameters=int(row["parameters"]),
        published=row["published"],
    )
