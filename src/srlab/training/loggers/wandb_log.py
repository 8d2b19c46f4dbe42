"""The W&B run of a run: from before the first step until the final evaluation is logged."""

import csv
import io
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

from srlab import finite
from srlab.config.folder import CONF
from srlab.config.schema import LoggerConfig, TrainConfig
from srlab.errors import SrlabError
from srlab.evaluation.measure import ResultRow
from srlab.evaluation.tables import comma_separated
from srlab.evaluation.validation_panel import ValidationPanel
from srlab.labels import printable
from srlab.training.loggers.run_logger import RunLogger
from srlab.weights.checkpoint import step_of

STEP = "trainer/global_step"  # the x axis of every chart, under Lightning's name
HIGHER_IS_BETTER = re.compile(r"val/(psnr|ssim)(_x\d+)?|[^/]+_x\d+/(psnr|ssim)")
LOWER_IS_BETTER = re.compile(r"val/(lpips|dists)\w*")
OFFLINE = "set WANDB_MODE=offline or logger.offline=true, and upload later by wandb sync."


def check_login(options: LoggerConfig) -> None:
    """Raises SrlabError where W&B's server is needed and cannot be reached, or nobody is logged in. It never asks."""
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
    """Logs to W&B, on rank 0 alone. The W&B run starts when it is first used; its step is the trainer's.

    The W&B run has the name of the run's folder; its group is the folder of the sweep, if there is one. Its id is
    kept in wandb_id.txt, so that a resumed run continues the same W&B run.

    Args:
        config: of the run.
        folder: of the run.
        facts: returns what is shown beside the configuration, such as the number of parameters.
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
        """W&B's own object. Raises SrlabError where the server cannot be reached any more."""
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
            # Under W&B's sweep agent these are given, and W&B warns of a program that sets them too.
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
            (self.folder / "wandb_id.txt").write_text(f"{run.id}\n", encoding="utf-8", newline="")
        run.define_metric(STEP)
        run.define_metric("*", step_metric=STEP, step_sync=True)
        return run

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Starts the run, which has the whole configuration from its start."""
        _ = self.experiment

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        self._log({key: value for key, value in metrics.items() if key != "epoch"}, step or 0)

    @rank_zero_only
    def log_panels(self, panels: Mapping[str, ValidationPanel], step: int) -> None:
        self._log({key: wandb.Image(panel.image, caption=panel.caption) for key, panel in panels.items()}, step)

    def _log(self, values: Mapping[str, Any], step: int, own_step: int | None = None) -> None:
        """Logs values at a step of the trainer.

        W&B ignores a step that is lower than one before. So the steps that a killed run repeats after its resume are
        ignored, and the parts of an offline run fit together.

        Args:
            values: by name.
            step: the trainer's.
            own_step: W&B's, if it is another one.
        """
        for key in values:
            summary = summary_of(key)
            if summary is not None and key not in self._defined:
                self.experiment.define_metric(key, step_metric=STEP, summary=summary)
                self._defined.add(key)
        self.experiment.log({**values, STEP: step}, step=step if own_step is None else own_step)

    @rank_zero_only
    def log_checkpoints(self, best: Path, last: Path) -> None:
        """Logs them as versions of one artifact with the run's name; W&B uploads them during the final evaluation.

        Not during training, in which best.ckpt changes hundreds of times and may have gigabytes.
        """
        if self.config.logger.checkpoints:
            self._log_checkpoint(best, ["best", f"step-{step_of(best)}"])
            self._log_checkpoint(last, ["last"])

    def _log_checkpoint(self, path: Path, aliases: list[str]) -> None:
        # With the group, since jobs of two sweeps may share a name. W&B allows 128 of these characters.
        name = re.sub(r"[^\w.-]", "-", "-".join(filter(None, [self.group, self.folder.name])), flags=re.ASCII)
        metadata = {"step": step_of(path), "method": self.config.model.name}
        artifact = wandb.Artifact(name[:128], type="model", metadata=metadata)
        run = self.experiment
        kept = _kept(path, Path(run.dir).parent) if run.offline else path
        # "immutable": W&B makes no copy of its own. Training has ended, so the file does not change.
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
        wandb.teardown()  # ends W&B's own process


def summary_of(key: str) -> str | None:
    """Returns which value of a metric W&B's table of runs shows: the best one of a quality, or None for the last."""
    if HIGHER_IS_BETTER.fullmatch(key):
        return "max"
    return "min" if LOWER_IS_BETTER.fullmatch(key) else None


def _stored_id(folder: Path) -> str:
    """Returns the id in wandb_id.txt, or a random one: W&B does not allow the id of a deleted run again."""
    path = folder / "wandb_id.txt"
    return path.read_text(encoding="utf-8").strip() if path.is_file() else secrets.token_hex(4)


def _kept(path: Path, folder: Path) -> Path:
    """Keeps a file as it is now in another folder, since a resumed run may replace it before wandb sync reads it."""
    kept = folder / path.name
    try:
        kept.hardlink_to(path)
    except OSError:  # not on every file system
        shutil.copyfile(path, kept)
    return kept


def _table(rows: Sequence[ResultRow]) -> wandb.Table:
    """Returns the rows of results.csv as a W&B table."""
    header, *lines = csv.reader(io.StringIO(comma_separated(list(rows))))
    return wandb.Table(columns=[*header], data=[[_cell(text) for text in line] for line in lines])


def _cell(text: str) -> str | float | None:
    """Converts a cell of results.csv: numbers become float; empty cells and numbers that are not finite None."""
    try:
        return finite.or_none(float(text))
    except ValueError:
        return text or None


def _commit() -> str | None:
    """Returns the commit of srlab's working copy, with a + where it has changes; None outside a working copy."""
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
    reason = printable(str(error).strip().partition("\n")[0].rstrip("."), 200)
    return SrlabError(f"logger=wandb: {reason}. Check the connection and wandb login; or {OFFLINE}")
