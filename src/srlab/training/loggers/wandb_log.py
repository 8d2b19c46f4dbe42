"""The run on W&B: one for a run's folder, from the first step until its evaluation is in."""

import csv
import io
import math
import os
import re
import secrets
import shutil
import subprocess
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import wandb
from pytorch_lightning.loggers.logger import rank_zero_experiment
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from srlab.config.folder import CONF
from srlab.config.schema import LoggerConfig, TrainConfig
from srlab.errors import SrlabError
from srlab.evaluation.measure import ResultRow
from srlab.evaluation.tables import comma_separated
from srlab.evaluation.validation_panel import ValidationPanel
from srlab.training.loggers.run_logger import RunLogger
from srlab.weights.checkpoint import step_of

STEP = "trainer/global_step"  # the x axis of every chart, under Lightning's name
QUALITY = re.compile(r"val/psnr(_x\d+)?|[^/]+_x\d+/(psnr|ssim)")  # of these, a run's largest value counts
OFFLINE = "set WANDB_MODE=offline or logger.offline=true, and upload later by wandb sync."


def check_login(options: LoggerConfig) -> None:
    """Raises SrlabError where runs go to a server that cannot be reached or has no login. It never asks."""
    try:
        if options.offline or wandb.setup().settings.mode in ("offline", "dryrun", "disabled"):
            return
        if not wandb.login(prompt=False, verify=True):
            raise SrlabError(f"logger=wandb: nobody is logged in. Run: wandb login; or {OFFLINE}")
    except wandb.errors.Error as error:
        raise _failed(error) from None
    finally:
        wandb.teardown()  # the processes of the run start W&B's own


class WandbLog(RunLogger):
    """Starts its run at the first use, on rank 0 alone; W&B's step is the trainer's.

    A run is named as its folder, and grouped by the folders above it, which are a sweep's. Its id stands in
    wandb_id.txt, so that a resumed run goes on as the same one.
    """

    def __init__(self, config: TrainConfig, folder: Path, facts: Callable[[], dict[str, Any]]) -> None:
        super().__init__()
        self.config, self.folder, self.facts = config, folder, facts
        group = folder.relative_to(config.runs).parent
        self.group = group.as_posix() if group.name else None
        self._run: wandb.Run | None = None
        self._defined: set[str] = set()

    @property
    def name(self) -> str:
        return self.config.logger.project

    @property
    def version(self) -> str | None:
        return None if self._run is None else self._run.id

    @property
    @rank_zero_experiment
    def experiment(self) -> wandb.Run:
        """W&B's own object. Raises SrlabError where the server has gone since the login was checked."""
        if self._run is None:
            try:
                self._run = self._started()
            except wandb.errors.Error as error:
                raise _failed(error) from None
        return self._run

    def _started(self) -> wandb.Run:
        options = self.config.logger
        address: dict[str, Any] = {"project": options.project, "entity": options.entity, "id": _stored_id(self.folder)}
        run = wandb.init(
            # W&B's sweep agent has chosen these, and says so where a program chooses too.
            **({} if "WANDB_SWEEP_ID" in os.environ else address),
            name=self.folder.name,
            group=self.group,
            job_type="train",
            tags=options.tags or None,  # else WANDB_TAGS
            notes=options.notes,
            config={**asdict(self.config), **self.facts(), "git_commit": _commit()},
            dir=self.folder,
            resume="allow",
            mode="offline" if options.offline else None,
            reinit="finish_previous",
        )
        if not run.disabled:
            (self.folder / "wandb_id.txt").write_text(f"{run.id}\n")
        run.define_metric(STEP)
        run.define_metric("*", step_metric=STEP, step_sync=True)
        return run

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """The run starts with the whole configuration; all that is left to do is to start it."""
        _ = self.experiment

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        self._log({key: value for key, value in metrics.items() if key != "epoch"}, step or 0)

    @rank_zero_only
    def log_panels(self, panels: Mapping[str, ValidationPanel], step: int) -> None:
        self._log({key: wandb.Image(panel.image, caption=panel.caption) for key, panel in panels.items()}, step)

    def _log(self, values: Mapping[str, Any], step: int, own_step: int | None = None) -> None:
        """own_step: W&B's, which only grows; the trainer's too where it is None.

        So what a killed run repeats is ignored, and the parts of an offline run fit together.
        """
        for key in values:
            if QUALITY.fullmatch(key) and key not in self._defined:
                self.experiment.define_metric(key, step_metric=STEP, summary="max")
                self._defined.add(key)
        self.experiment.log({**values, STEP: step}, step=step if own_step is None else own_step)

    @rank_zero_only
    def log_checkpoints(self, best: Path, last: Path) -> None:
        """As versions of one artifact, named as the run; W&B uploads them while the evaluation runs.

        Only now, since a run improves hundreds of times and its checkpoints may have gigabytes.
        """
        if self.config.logger.checkpoints:
            self._log_checkpoint(best, ["best", f"step-{step_of(best)}"])
            self._log_checkpoint(last, ["last"])

    def _log_checkpoint(self, path: Path, aliases: list[str]) -> None:
        # Jobs of two sweeps may share a name. W&B takes 128 of these characters.
        name = re.sub(r"[^\w.-]", "-", "-".join(filter(None, [self.group, self.folder.name])), flags=re.ASCII)
        metadata = {"step": step_of(path), "method": self.config.model.name}
        artifact = wandb.Artifact(name[:128], type="model", metadata=metadata)
        run = self.experiment
        kept = _kept(path, Path(run.dir).parent) if run.offline else path
        # "immutable": W&B makes no copy of its own. Training is over, so the file stays as it is.
        artifact.add_file(str(kept), name=path.name, policy="immutable")
        run.log_artifact(artifact, aliases=aliases)

    @rank_zero_only
    def log_results(self, rows: Sequence[ResultRow], picture: Path, step: int) -> None:
        values: dict[str, Any] = {"comparison": wandb.Image(str(picture)), "results": _table(rows)}
        for row in rows:
            reference = "bicubic_" if row.method == "bicubic" else ""
            values[f"{row.set}_x{row.scale}/{reference}psnr"] = row.psnr
            values[f"{row.set}_x{row.scale}/{reference}ssim"] = row.ssim
        self._log(values, step, own_step=self.experiment.step + 1)

    @rank_zero_only
    def finish(self, failed: bool) -> None:
        if self._run is not None:
            self._run.finish(exit_code=int(failed))
            self._run = None
        wandb.teardown()  # its own process, too


def _stored_id(folder: Path) -> str:
    """Random for a new run: W&B never gives the id of a deleted run again, and folders' names come back."""
    path = folder / "wandb_id.txt"
    return path.read_text().strip() if path.is_file() else secrets.token_hex(4)


def _kept(path: Path, folder: Path) -> Path:
    """A file as it is now, in another folder: a resumed run replaces its checkpoints before wandb sync reads them."""
    kept = folder / path.name
    try:
        kept.hardlink_to(path)
    except OSError:  # not on every file system
        shutil.copyfile(path, kept)
    return kept


def _table(rows: Sequence[ResultRow]) -> wandb.Table:
    """results.csv."""
    header, *lines = csv.reader(io.StringIO(comma_separated(list(rows))))
    return wandb.Table(columns=[*header], data=[[_cell(text) for text in line] for line in lines])


def _cell(text: str) -> str | float | None:
    """W&B's tables know numbers from text, and have no infinite ones: the PSNR of equal images."""
    try:
        number = float(text)
    except ValueError:
        return text or None
    return number if math.isfinite(number) else None


def _commit() -> str | None:
    """The commit of srlab's own working copy, with a + where it has changes; None where it is not one."""
    git = ["git", "-C", str(CONF.parent)]
    try:
        if not (CONF.parent / ".git").exists():
            return None
        commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
        changes = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    return commit + "+" * bool(changes)


def _failed(error: Exception) -> SrlabError:
    reason = str(error).strip().partition("\n")[0].rstrip(".")
    return SrlabError(f"logger=wandb: {reason}. Check the connection and wandb login; or {OFFLINE}")
