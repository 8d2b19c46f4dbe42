"""Sweeps, before their first job: which jobs there are, what each is called, and whether every one of them composes."""

import itertools
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict

from srlab.config.check_overrides import check_overrides
from srlab.config.compose import composed
from srlab.config.parse import parse
from srlab.config.schema import SCHEMAS, TrainConfig
from srlab.config.values import as_scales
from srlab.errors import SrlabError
from srlab.sweeps.forgotten_flag import not_asked

MOST_DIGITS = 8  # of a number in a folder's name
NAMING = {"model", "scale", "data", "experiment"}  # what changes a run's own name


@dataclass(frozen=True)
class Sweep:
    """A multirun.

    Attributes:
        name: of the folder, within runs=.
        folder: of all its jobs.
        swept: the keys that differ between jobs.
        words: what Hydra must be told beside the command line.
        remarks: lines to print before the first job.
        reference: the name of the first job, with the first value of every key, which the report compares the others
            with; None where it is not known beforehand.
    """

    name: str
    folder: Path
    swept: tuple[str, ...]
    words: tuple[str, ...]
    remarks: tuple[str, ...] = ()
    reference: str | None = None

    def job_name(self, overrides: Sequence[str], seed: int) -> str:
        """Returns the swept keys and the seed, such as loss-l1_seed-1, from a job's overrides. It holds no `=`."""
        values = dict(word.split("=", 1) for word in overrides if "=" in word)
        parts = [f"{short_key(key, self.swept)}-{plain(values[key])}" for key in self.swept if key in values]
        return "_".join(parts if "seed" in self.swept else [*parts, f"seed-{seed}"])


def plan(program: str, words: list[str], asked: bool) -> Sweep | None:
    """Returns the sweep that a command line means; None for a single job.

    Every job that is known beforehand is composed and checked before the first one starts.

    Args:
        program: train or evaluate.
        words: of the command line.
        asked: whether -m was given. A sweep's yaml (sweep=NAME) needs no -m.

    Raises:
        SrlabError: a job does not compose, several values are given without -m, or -m is given and nothing varies.
    """
    fixed = [word for word in words if not _parsed({}, [word])[0].is_sweep_override()]
    base = composed(program, fixed, hydra_too=True)
    if not asked and base.hydra.mode != RunMode.MULTIRUN:
        varied = [word for word in words if word not in fixed]
        if varied:
            raise not_asked(varied[0], SCHEMAS[program])
        return None
    params: Any = OmegaConf.to_container(base.hydra.sweeper.get("params") or OmegaConf.create({}))
    check_overrides([f"{key}={value}" for key, value in params.items()], SCHEMAS[program])
    overrides = _parsed(params, words)
    swept = tuple(override.get_key_element().lstrip("+") for override in overrides if override.is_sweep_override())
    if not swept:
        raise SrlabError("-m: nothing is swept. Give a key several values, such as seed=1,2,3, or choose sweep=NAME.")
    jobs = all_jobs(overrides)
    configs = [_checked(program, job) for job in jobs or [fixed]]
    if program == "evaluate":
        name, folder = str(base.out), Path(base.out)
    else:
        name = _name(base, configs[0], swept)
        folder = Path(base.runs) / name
    _quiet_optuna(base)
    sweep = Sweep(name, folder, swept, tuple(_told(base, folder, words)), tuple(_remarks(base, folder)))
    return replace(sweep, reference=sweep.job_name(jobs[0], configs[0].seed)) if jobs else sweep


def _parsed(params: Mapping[str, Any], words: Sequence[str]) -> list[Override]:
    """A sweep's params and the words of the command line, which replace params of the same key."""
    try:
        parsed = OverridesParser.create().parse_overrides(
            [*(f"{key}={value}" for key, value in params.items()), *words]
        )
    except HydraException as error:
        raise SrlabError(f"hydra.sweeper.params: {str(error).partition(chr(10))[0]}") from None
    return list({override.get_key_element(): override for override in parsed}.values())


def all_jobs(overrides: Sequence[Override]) -> list[list[str]] | None:
    """Returns the overrides of every job: all combinations, in the order in which Hydra's own sweeper makes them.

    None where values are drawn from a range, one job after the other.
    """
    if not all(override.is_discrete_sweep() for override in overrides if override.is_sweep_override()):
        return None
    return [list(job) for job in itertools.product(*map(_values, overrides))]


def _values(override: Override) -> list[str]:
    key = override.get_key_element()
    if override.is_sweep_override():
        return [f"{key}={value}" for value in override.sweep_string_iterator()]
    return [f"{key}={override.get_value_element_as_str()}"]


def _checked(program: str, words: list[str]) -> Any:
    cfg = composed(program, words, hydra_too=True)
    with open_dict(cfg):
        del cfg["hydra"]
    return parse(cfg, SCHEMAS[program])


def _name(base: DictConfig, first: TrainConfig, swept: Sequence[str]) -> str:
    """name=, or the yaml that was chosen, or what the jobs share and what is swept."""
    choice = base.hydra.runtime.choices.get("sweep")
    if base.name is not None or choice not in (None, "null"):
        return str(base.name or choice)
    keys = [short_key(key, swept).replace(".", "-") for key in swept]
    if {key.partition(".")[0] for key in swept} & NAMING:
        return "_".join(["by", *keys])
    from srlab.data.datamodule import resolve_kind  # noqa: PLC0415 - imports PyTorch, which other errors need not
    from srlab.training.run_folder import run_name  # noqa: PLC0415

    kind = resolve_kind(first.data.kind, Path(first.data.root).expanduser())
    return "_".join([run_name(first, as_scales(first.scale), kind), "by", *keys])


def _told(base: DictConfig, folder: Path, words: Sequence[str]) -> list[str]:
    """What the command line leaves open."""
    told = [f'hydra.sweep.dir="{folder}"', "hydra/hydra_logging=none"]  # a job's name is printed, and that suffices
    if by_optuna(base.hydra.sweeper):
        direction = _direction(base.get("objective", ""))
        # One trial that diverges must not end the study.
        told += [f"hydra.sweeper.direction={direction}", "hydra.sweeper.max_failure_rate=1.0"]
    given = {word.partition("=")[0] for word in words}
    return [word for word in told if word.partition("=")[0] not in given]


def _direction(objective: str) -> str:
    """Of a quality such as val/psnr or set5_x2/lpips: a perceptual distance is best where it is least."""
    from srlab.metrics.perceptual import DISTANCES  # noqa: PLC0415 - imports PyTorch, which other sweeps need not

    quality = re.sub(r"_x\d+$", "", objective.rpartition("/")[2])
    return "minimize" if quality in DISTANCES else "maximize"


def by_optuna(sweeper: DictConfig) -> bool:
    """Tells whether a sampler of Optuna's chooses the jobs, which compares their objectives."""
    return "optuna" in str(sweeper.get("_target_"))


def _quiet_optuna(base: DictConfig) -> None:
    """Optuna's own lines repeat what a job prints and what is printed in the end."""
    if by_optuna(base.hydra.sweeper):
        import optuna  # noqa: PLC0415 - of the extra "sweep"

        optuna.logging.set_verbosity(optuna.logging.WARNING)


def _remarks(base: DictConfig, folder: Path) -> list[str]:
    """Where the output of jobs goes that submitit runs: it prints nothing itself."""
    launcher: Any = OmegaConf.to_container(base.hydra.launcher, resolve=False)
    if "submitit_folder" not in launcher:
        return []
    logs = str(launcher["submitit_folder"]).replace("${hydra.sweep.dir}", str(folder)).replace("%j", "JOB")
    return [f"submitit runs the jobs; what each of them prints is in {logs}/*_log.out and *_log.err"]


def short_key(key: str, others: Sequence[str]) -> str:
    """The last word of a key, or all of it where another key ends alike."""
    last = _words(key)[-1]
    return last if [_words(other)[-1] for other in others].count(last) == 1 else ".".join(_words(key))


def _words(key: str) -> list[str]:
    return key.replace("/", ".").split(".")


def plain(value: str) -> str:
    """A value as a part of a folder's name: of a path its last component, and nothing that a shell or Hydra minds."""
    if len(value) > MOST_DIGITS:  # a sampler's numbers have 17 digits
        with suppress(ValueError):
            value = f"{float(value):.6g}"
    last = value.strip("'\"[]{}").rstrip("/").rpartition("/")[2]
    sign = "-" if last.startswith("-") else ""
    kept = "".join(c if c.isalnum() or c in "._-+" else "-" for c in last)
    return sign + "-".join(filter(None, kept.split("-")))
