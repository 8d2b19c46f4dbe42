"""The command lines of train.py and evaluate.py: one job or, under -m, a sweep of jobs that do not know each other."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import hydra
from omegaconf import DictConfig

from srlab.commands.hydra_flags import CommandLine, read_command_line
from srlab.commands.resumed_run import resumed_config
from srlab.commands.sweep_jobs import Run, finish, job_of, name_ended
from srlab.config.check_overrides import check_overrides
from srlab.config.compose import composed
from srlab.config.folder import CONF
from srlab.config.help_text import help_text
from srlab.config.parse import parse
from srlab.config.schema import SCHEMAS
from srlab.config.text_words import with_text
from srlab.console import print_whole, reported
from srlab.errors import SrlabError
from srlab.sweeps.planning import Sweep, plan
from srlab.sweeps.sweep_file import write_reference
from srlab.training.ending import CODES

INTERRUPTED = 130  # the exit code of shells for Ctrl-C


def run_program(run: Run, program: str, words: Sequence[str] | None, usage: str) -> None:
    """Runs a program: composes conf/PROGRAM.yaml, runs, and shows a SrlabError as one line.

    Args:
        run: takes the configuration, and whether it is a job of a sweep; returns metrics by name.
        program: train or evaluate.
        words: of the command line; None for this process's own.
        usage: what --help begins with.
    """
    with reported():
        typed = sys.argv[1:] if words is None else words
        line = read_command_line([with_text(word, SCHEMAS[program]) for word in typed])
        if "help" in line.flags:
            print_whole(help_text(program, usage))
            return
        ended: list[str] = []
        job, sweep = _planned(run, program, line, ended)
    code = _exit_code(job)
    if sweep is not None and program == "train":
        if code in CODES:
            name_ended(sweep)
        else:
            code = finish(sweep, ended) or code
    if code:
        raise SystemExit(code)


def _planned(run: Run, program: str, line: CommandLine, ended: list[str]) -> tuple[Callable[[], Any], Sweep | None]:
    """Returns what is to be called, and the sweep that it is. Finds every mistake in the options without PyTorch.

    ended: gets the names of a sweep's jobs that trainer.max_time has ended.
    """
    sys.argv[1:] = line.words  # where Hydra reads them
    if line.is_hydras:
        if line.multirun:
            raise SrlabError("-m with --config-path or --config-name: a sweep is of conf/. Add to it by --config-dir.")
        return _by_hydra(program, _single(run)), None
    folder = None if line.config_dir is None else Path(line.config_dir).absolute()
    words = line.overrides if folder is None else [*line.overrides, f"hydra.searchpath=['file://{folder}']"]
    check_overrides(words, SCHEMAS[program], folder)
    if line.only_shows:
        return _by_hydra(program, _single(run)), None
    if (cfg := resumed_config(program, line.overrides, line.multirun)) is not None:
        parse(cfg, SCHEMAS[program])
        return lambda: _single(run)(cfg), None
    sweep = plan(program, words, line.multirun)
    if sweep is None:
        parse(composed(program, words), SCHEMAS[program])
        return _by_hydra(program, _single(run)), None
    for text in sweep.remarks:
        print(text, flush=True)
    if program == "train" and sweep.reference is not None:
        write_reference(sweep.folder, sweep.reference)
    sys.argv += sweep.words
    return _by_hydra(program, job_of(run, program, sweep, ended)), sweep


def _by_hydra(program: str, task: Callable[[DictConfig], Any]) -> Callable[[], Any]:
    wrapped: Callable[[], Any] = hydra.main(version_base="1.3", config_path=str(CONF), config_name=program)(task)
    return wrapped


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
