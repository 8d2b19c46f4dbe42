"""The command lines of train.py and evaluate.py: one job, or under -m a sweep of jobs that do not know each other."""

import sys
from collections.abc import Callable, Sequence
from typing import Any

import hydra
from hydra._internal.utils import get_args_parser  # Hydra offers its own options nowhere else
from hydra.core.hydra_config import HydraConfig
from hydra.errors import CompactHydraException
from omegaconf import DictConfig

from srlab.config.check_overrides import check_overrides
from srlab.config.compose import composed
from srlab.config.folder import CONF
from srlab.config.schema import SCHEMAS
from srlab.console import reported
from srlab.errors import SrlabError
from srlab.sweeps.planning import Sweep, plan

Run = Callable[[DictConfig, bool], Any]
NAME = {"train": "name", "evaluate": "out"}  # the key that says where a job leaves its results
INTERRUPTED = 130  # the exit code of shells for Ctrl-C


class JobFailed(CompactHydraException):
    """A job of a sweep. Hydra goes on with the others, and ends with this one line."""


def run_program(run: Run, program: str, words: Sequence[str] | None = None) -> None:
    """The command line of a program: compose conf/PROGRAM.yaml, run, and show a SrlabError as one line.

    run: takes the config, and whether it is a job of a sweep; returns metrics by name. words: of the command line;
    None for this process's own.
    """
    if words is not None:
        sys.argv[1:] = words  # where Hydra looks for them
    arguments = get_args_parser().parse_args()
    with reported():
        check_overrides(arguments.overrides, SCHEMAS[program])
        sweep = plan(program, arguments.overrides, arguments.multirun)
        if sweep is None:
            composed(program, arguments.overrides)
            task = _single(run)
        else:
            sys.argv += sweep.words
            task = _job(run, program, sweep)
    code = _exit_code(hydra.main(version_base="1.3", config_path=str(CONF), config_name=program)(task))
    if sweep is not None and program == "train" and code != INTERRUPTED:
        code = max(code, _finish(sweep))
    if code:
        raise SystemExit(code)


def _exit_code(program: Callable[[], Any]) -> int:
    try:
        program()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    return 0


def _single(run: Run) -> Callable[[DictConfig], Any]:
    def task(cfg: DictConfig) -> Any:
        with reported():
            return run(cfg, False)

    return task


def _job(run: Run, program: str, sweep: Sweep) -> Callable[[DictConfig], Any]:
    """Runs one job in the sweep's folder; returns what a sweeper maximises. Launchers may pickle it."""
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

    return task


def _objective(metrics: dict[str, float], name: str) -> float:
    if name not in metrics:
        raise SrlabError(f"objective={name}: expected one of {', '.join(metrics)}.")
    return metrics[name]


def _finish(sweep: Sweep) -> int:
    """Tables and curves of all jobs. 1 where a job that has begun has no results."""
    from srlab.sweeps.report import write_report  # noqa: PLC0415 - imports PyTorch

    if not sweep.folder.is_dir():
        return 0
    runs = sorted(path.parent for path in sweep.folder.glob("*/config.yaml"))
    unfinished = [run.name for run in runs if not (run / "results.json").is_file()]
    if len(unfinished) < len(runs):
        try:
            write_report(sweep.folder)
        except SrlabError as error:
            print(f"no report: {error}", file=sys.stderr)
    if unfinished:
        print(f"{sweep.folder}: {len(unfinished)} of {len(runs)} jobs have no results: {', '.join(unfinished)}")
    return int(bool(unfinished))
