"""Starts the ranks of a job as processes, waits for them, and ends them all.

Lightning would start rank 1 by running the command line again, which under Hydra's multirun runs the whole sweep again,
and its environment variables would stay for the next job. Here the program only starts the ranks and waits: each rank
reads the composed config.yaml in the run's folder, and its rank from environment variables that only it has.

Ranks are forked from multiprocessing's fork server: a process that has imported what they need and has computed nothing
yet, neither on the CPU nor on a GPU. So a program spends the seconds of importing once, not for each rank of each job.
"""

import json
import math
import multiprocessing
import os
import signal
import socket
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType
from typing import Any

from omegaconf import DictConfig, OmegaConf

from srlab.atomic_write import write_text
from srlab.console import one_line
from srlab.errors import SrlabError
from srlab.training.ending import CODES, SIGNALS, Ended, Ending
from srlab.training.process_group import PORT, RANK, WORLD, clean_environment

METHOD = "forkserver" if sys.platform == "linux" else "spawn"  # forking fails on Windows, and after imports on macOS
RankFunction = Callable[[DictConfig], dict[str, float]]
# Seconds in which processes may end by themselves before they are killed; between the death of a rank and the end of
# the others; and in which those of a run that was asked to end may close their logs.
GRACE, AFTERMATH, CLOSING = 15, 2, 300
RESULT, ERRORS = "result.json", "error_{}.json"  # what ranks leave for the program
AT_ONCE = "at_once"  # from a rank that was ended before its first step or after its last
HEARS = "hears_{}"  # from a rank that handles signals from now on


def run_job(function: RankFunction, config: Path, world: int, ending: Ending) -> dict[str, float]:
    """Runs a job as ranks 0 to world - 1, each a process, and waits until all have ended.

    A signal to this process is passed to the ranks, which end in their own time.

    Args:
        function: what a rank does with the job's config; defined at the top of a module, so that ranks can import it.
        config: the config.yaml of the run's folder.
        world: the number of ranks.
        ending: hears the signals.

    Returns:
        What the function returned on rank 0.

    Raises:
        SrlabError: a process failed; the others are ended first.
        Ended: the ranks have been ended, by a signal or by trainer.max_time.
    """
    start_server([function.__module__])
    with tempfile.TemporaryDirectory() as folder:
        outcome = Path(folder)
        port = _free_port()
        ranks: list[BaseProcess] = []
        try:
            ending.waiting = True
            for rank in range(world):
                ranks.append(_start(function, config, rank, world, port, outcome, tuple(ending.before)))
            _wait(ranks, outcome, ending)
            codes = [rank.exitcode for rank in ranks]  # before the others are ended
        finally:
            ending.waiting = False
            _end(ranks)
        if any(codes):
            raise _failure(codes, outcome, config.parent, ending)
        return json.loads((outcome / RESULT).read_text(encoding="utf-8"))


def _wait(ranks: list[BaseProcess], outcome: Path, ending: Ending) -> None:
    """Waits until all ranks have ended, or one has failed."""
    passed_on, until = set[int](), math.inf
    while any(rank.exitcode is None for rank in ranks) and time.monotonic() < until:
        for number, rank in enumerate(ranks):
            # Before it hears signals, it ignores Ctrl-C, as the fork server does, and would die of another one.
            hears = number not in passed_on and (outcome / HEARS.format(number)).exists()
            if ending.signal and hears and rank.exitcode is None and rank.pid is not None:
                os.kill(rank.pid, ending.signal)
                passed_on.add(number)
        if until == math.inf and (ended := [rank.exitcode for rank in ranks if rank.exitcode]):
            # Those of a training that was asked to end do so together, but one has logs to close. After a failure the
            # others are waited for a moment: which was the first shows in what they have left. So they are where one
            # was ended before its first step: another may wait for it in code that no signal interrupts.
            gently = (bool(passed_on) or any(code in CODES for code in ended)) and not (outcome / AT_ONCE).exists()
            until = time.monotonic() + (CLOSING if gently else AFTERMATH)
        time.sleep(0.1)


def _failure(codes: list[int | None], outcome: Path, run: Path, ending: Ending) -> BaseException:
    """Returns the error for what has ended the ranks; prints the traceback of the first that failed.

    Args:
        codes: exit codes of the ranks; None for those that had not ended.
        outcome: the folder in which ranks have left their results and errors.
        run: the run's folder.
        ending: has heard the signals.
    """
    reports = sorted(
        (json.loads(path.read_text(encoding="utf-8")) for path in outcome.glob(ERRORS.format("*"))),
        key=lambda report: float(report["time"]),
    )
    told = {report["rank"] for report in reports}
    silent = [i for i, code in enumerate(codes) if code and code not in CODES and i not in told]
    if ending.signal and not any(report["line"] for report in reports):
        return Ended(128 + ending.signal, shown=not (outcome / AT_ONCE).exists())
    if silent:  # the others have lost their connection to it
        return SrlabError(f"{run}: process {silent[0]} of {len(codes)} {_death(codes[silent[0]])}")
    if not reports:
        return Ended(max(code for code in codes if code), shown=True)
    first = reports[0]
    if first["line"] is not None:
        return SrlabError(first["line"])
    print(first["traceback"], file=sys.stderr, flush=True)
    summary = first["traceback"].strip().rpartition("\n")[2]
    return SrlabError(f"{run}: process {first['rank']} of {len(codes)} failed ({summary}); its traceback stands above.")


def _death(code: int | None) -> str:
    """Returns how a process died that has left no message."""
    if code is None or code >= 0:
        return f"ended with code {code}, without a message."
    name = signal.Signals(-code).name if -code in set(signal.Signals) else "unknown"
    hint = ": perhaps out of memory, which the system's log says" if name == "SIGKILL" else ""
    return f"was killed by signal {-code} ({name}){hint}. Go on with resume=auto."


def start_server(modules: list[str]) -> None:
    """Starts the fork server, which ranks are forked from, unless it runs.

    Args:
        modules: what it imports.
    """
    if METHOD != "forkserver":
        return
    from multiprocessing import forkserver  # noqa: PLC0415 - Windows has none

    multiprocessing.set_forkserver_preload(modules)
    with _child_environment(), _ignoring_interrupts():
        forkserver.ensure_running()


@contextmanager
def _child_environment() -> Iterator[None]:
    """Environment for child processes: this copy of srlab first on the path, no process group, no __main__ to re-run.

    Variables of a process group are removed because Lightning reads its rank from them when it is imported, before a
    rank has set its own.
    """
    script, before = sys.modules["__main__"], dict(os.environ)
    path = [str(Path(__file__).parents[2]), before.get("PYTHONPATH")]
    clean = {**clean_environment(), "PYTHONPATH": os.pathsep.join(filter(None, path))}
    _replace_environment(clean)
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = script
        _replace_environment(before)


def _replace_environment(variables: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(variables)


@contextmanager
def _ignoring_interrupts() -> Iterator[None]:
    """Processes started within ignore Ctrl-C, which would interrupt their imports; the program ends them itself."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _start(
    function: RankFunction, config: Path, rank: int, world: int, port: int, outcome: Path, signals: tuple[int, ...]
) -> BaseProcess:
    variables = {**clean_environment(), RANK: str(rank), WORLD: str(world), PORT: str(port)}
    context: Any = multiprocessing.get_context(METHOD)
    process: BaseProcess = context.Process(target=_rank, args=(function, config, variables, outcome, signals))
    with _child_environment():
        process.start()
    return process


def _end(ranks: list[BaseProcess]) -> None:
    """Ends all ranks: asks them to, waits, then kills those that are left.

    A rank may wait for ever in a collective operation for another one that has failed. After a second Ctrl-C the kill
    is needed too, since multiprocessing waits for its processes when the program ends.
    """
    try:
        for rank in ranks:
            rank.terminate()
        until = time.monotonic() + GRACE
        for rank in ranks:
            rank.join(max(0.0, until - time.monotonic()))
    finally:
        for rank in ranks:
            rank.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _exit_with(starter: int) -> None:
    """Exits this process when the program has ended, or the fork server `starter` (a process id) that forked it."""
    program = multiprocessing.parent_process()
    assert program is not None
    while program.is_alive() and os.getppid() == starter:
        program.join(1)
    os._exit(1)


def _rank(
    function: RankFunction, config: Path, variables: dict[str, str], outcome: Path, signals: tuple[int, ...]
) -> None:
    """Runs one rank of a job.

    Args:
        function: what to run.
        config: the config.yaml of the run's folder.
        variables: the environment variables of this rank.
        outcome: the folder that rank 0 writes the function's return value to, as JSON, and any rank its error.
        signals: that the program handles; the others are ignored, as they are there.
    """
    _replace_environment(variables)
    for number in SIGNALS:  # until the function hears them
        signal.signal(number, _end_rank if number in signals else signal.SIG_IGN)
    rank = variables[RANK]
    threading.Thread(target=_exit_with, args=(os.getppid(),), daemon=True).start()
    try:
        (outcome / HEARS.format(rank)).touch()
        loaded = OmegaConf.load(config)
        assert isinstance(loaded, DictConfig)
        metrics = function(loaded)
        if rank == "0":
            (outcome / RESULT).write_text(json.dumps(metrics), encoding="utf-8", newline="")
    except Ended as end:
        if not end.saved:
            (outcome / AT_ONCE).touch()
        raise
    except Exception as error:
        told = {"rank": int(rank), "time": time.time(), "line": one_line(error), "traceback": traceback.format_exc()}
        write_text(outcome / ERRORS.format(rank), json.dumps(told))
        raise SystemExit(1) from None


def _end_rank(number: int, frame: object) -> None:
    raise Ended(128 + number)
