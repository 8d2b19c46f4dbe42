"""The jobs of a sweep as Hydra runs them, and what is printed and written after the last of them."""

import sys
from collections.abc import Callable
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.errors import CompactHydraException
from omegaconf import DictConfig, OmegaConf

from srlab import finite
from srlab.errors import SrlabError
from srlab.sweeps.planning import Sweep, by_optuna
from srlab.training.ending import TIME_IS_UP, Ended, say

Run = Callable[[DictConfig, bool], Any]
NAME = {"train": "name", "evaluate": "out"}  # the key that says where a job leaves its results
SEARCH_RESULT = "optimization_results.yaml"  # what Optuna's sweeper writes into the sweep's folder


class JobFailed(CompactHydraException):
    """A job of a sweep has failed. Hydra goes on with the others, and ends with this one line."""


def job_of(run: Run, program: str, sweep: Sweep, ended: list[str]) -> Callable[[DictConfig], Any]:
    """Returns the function that runs one job, which launchers may pickle.

    A signal ends the whole sweep; trainer.max_time ends a job, and the next one begins.

    Args:
        run: takes the configuration, and whether it is a job of a sweep; returns metrics by name.
        program: train or evaluate.
        sweep: which the job belongs to; its results go to a folder of its own in the sweep's.
        ended: gets the names of jobs that trainer.max_time has ended.
    """
    results: dict[tuple[str, ...], Any] = {}

    def task(cfg: DictConfig) -> Any:
        overrides = tuple(HydraConfig.get().overrides.task)
        own = sweep.job_name(overrides, cfg.seed)
        if overrides in results:  # samplers draw the same values again; others of the same name are refused below
            print(f"\njob {own}: as before", flush=True)
            return results[overrides]
        cfg[NAME[program]] = f"{sweep.name}/{own}"
        print(f"\njob {own}", flush=True)
        try:
            metrics = run(cfg, True)
            results[overrides] = metrics if program != "train" else _objective(metrics, cfg.objective)
            return results[overrides]
        except SrlabError as error:
            print(f"error: job {own}: {error}", file=sys.stderr, flush=True)
            raise JobFailed(f"job {own} failed") from None
        except Ended as end:
            if end.exit_code != TIME_IS_UP:
                raise
            ended.append(own)
            raise JobFailed(f"job {own} was ended by trainer.max_time") from None

    return task


def _objective(metrics: dict[str, float], name: str) -> float:
    """Returns what a sampler is told. No trial is the best one for being infinite, and NaN would end the search."""
    if name not in metrics:
        raise SrlabError(f"objective={name}: expected one of {', '.join(metrics)}.")
    if not finite.is_finite(metrics[name]) and by_optuna(HydraConfig.get().sweeper):
        raise SrlabError(f"objective={name}: is {metrics[name]}, and a search compares finite numbers only.")
    return metrics[name]


def finish(sweep: Sweep, ended: list[str]) -> int:
    """Writes tables and curves of all jobs.

    Args:
        sweep: whose jobs have been run.
        ended: the names of jobs that trainer.max_time has ended.

    Returns:
        0 where every job that has begun has results; 75 where those without have only been ended; else 1.
    """
    from srlab.sweeps.report import write_report  # noqa: PLC0415 - imports PyTorch

    if not sweep.folder.is_dir():
        return 0
    runs, unfinished = _jobs(sweep)
    if len(unfinished) < len(runs):
        try:
            write_report(sweep.folder)
        except SrlabError as error:
            print(f"no report: {error}", file=sys.stderr)
    _print_search_result(sweep)
    if unfinished:
        print(f"{sweep.folder}: {len(unfinished)} of {len(runs)} jobs have no results: {', '.join(unfinished)}")
    if unfinished and set(unfinished) <= set(ended):
        print(f"{sweep.folder}: trainer.max_time has ended them. The same command with resume=auto goes on.")
        return TIME_IS_UP
    return int(bool(unfinished))


def name_ended(sweep: Sweep) -> None:
    """Prints which jobs have no results, after a signal has ended the sweep."""
    _, unfinished = _jobs(sweep)
    names = ", ".join(unfinished) or "none"
    say(
        f"{sweep.folder}: jobs that have begun and have no results: {names}. The same command with resume=auto goes on "
        f"with them and begins the others."
    )


def _jobs(sweep: Sweep) -> tuple[list[str], list[str]]:
    """Returns the names of all jobs that have begun, and of those of them that have no results."""
    runs = sorted(path.parent for path in sweep.folder.glob("*/config.yaml"))
    return [run.name for run in runs], [run.name for run in runs if not (run / "results.json").is_file()]


def _print_search_result(sweep: Sweep) -> None:
    path = sweep.folder / SEARCH_RESULT
    if path.is_file():
        found = OmegaConf.load(path)
        best = " ".join(f"{key}={value}" for key, value in found.best_params.items())
        print(f"best: {best}, objective {found.best_value:g} ({path})")
