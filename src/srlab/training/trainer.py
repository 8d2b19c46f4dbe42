"""The Lightning trainer of a run."""

import sys
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.plugins.environments import LightningEnvironment
from pytorch_lightning.strategies import DDPStrategy, Strategy

from srlab.evaluation.complexity import multiply_adds, trainable_parameters
from srlab.methods.fitted import FittedMethod
from srlab.training.checkpoint_files import WholeCheckpoints
from srlab.training.checkpoints import BestCheckpoint, LastCheckpoint, lower_is_better
from srlab.training.divergence import options_against
from srlab.training.ending import Ending
from srlab.training.loggers.choose import build_loggers
from srlab.training.loggers.run_logger import run_loggers
from srlab.training.panel_callback import ValidationPanels
from srlab.training.prepare import TrainingRun, monitor_of
from srlab.training.process_group import Process
from srlab.training.progress import StepBar, TrainingProgress
from srlab.training.skipped_steps import SkippedSteps
from srlab.training.step_boundary import StepBoundary
from srlab.training.step_metrics import StepMetrics
from srlab.weights.checkpoint import step_of


def _strategy(run: TrainingRun, process: Process) -> Strategy | str:
    if process.world == 1:
        return "auto"
    return DDPStrategy(
        cluster_environment=process.environment,
        process_group_backend="nccl" if run.devices.kind == "cuda" else "gloo",
        gradient_as_bucket_view=True,
        find_unused_parameters=run.method.find_unused_parameters,
    )


def build_trainer(run: TrainingRun, process: Process, ending: Ending | None = None) -> pl.Trainer:
    """Builds the Lightning trainer of a run, with its callbacks and loggers, for one of its processes.

    Args:
        run: the run.
        process: this one.
        ending: says when the run is to end before its last step; None: never.
    """
    ending = ending or Ending()
    options = run.config.trainer
    by_hand = not run.method.automatic_optimization  # the method clips and accumulates, and Lightning must not
    accumulated = 1 if by_hand else options.accumulate_grad_batches
    last_step = min(options.max_steps, options.stop_after if options.stop_after is not None else options.max_steps)
    by_steps = not isinstance(run.method, FittedMethod)
    bar = by_steps and options.progress_bar and sys.stdout.isatty()
    callbacks = _callbacks_of_steps(run, last_step, ending, between=not bar) if by_steps else []
    loggers = build_loggers(run.config, run.folder, step_of(run.resumed), lambda: _facts(run, process.world))
    if run_loggers(loggers):
        shown = [picture.name for picture in run.data.validation.pictures[: run.config.logger.images]]
        callbacks.append(ValidationPanels(shown, run.data.scales[-1], run.data.protocol))
    return pl.Trainer(
        accelerator=run.devices.accelerator,
        devices=run.devices.count,
        num_nodes=process.nodes,
        strategy=_strategy(run, process),
        plugins=_plugins(process),
        precision=run.devices.precision,
        max_steps=last_step,
        max_epochs=-1,
        val_check_interval=options.val_check_interval * accumulated,  # Lightning counts batches
        check_val_every_n_epoch=None,  # count steps, not epochs
        log_every_n_steps=options.log_every_n_steps,
        gradient_clip_val=None if by_hand else options.gradient_clip_val,
        accumulate_grad_batches=accumulated,
        deterministic=options.deterministic,
        logger=loggers,
        callbacks=callbacks + ([StepBar()] if bar else []),
        enable_progress_bar=bar,
        enable_checkpointing=by_steps,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,  # SuperResolutionData gives every rank its share
    )


def _plugins(process: Process) -> list[Any]:
    """How checkpoints are written. Without a process group also which: Lightning would take an sbatch script for one,
    and handle SLURM's signals itself."""
    return [WholeCheckpoints(), *([LightningEnvironment()] if process.environment is None else [])]


def _callbacks_of_steps(run: TrainingRun, last_step: int, ending: Ending, between: bool) -> list[Callback]:
    """Returns what follows the steps of a training; see TrainingProgress for the arguments."""
    options, where = run.config.trainer, run.files.checkpoints
    monitor = monitor_of(run.config, run.method)
    lower = lower_is_better(monitor, [meter.metric for meter in run.method.meters])
    progress, last = TrainingProgress(last_step, monitor, lower, between), LastCheckpoint(where)
    batches, most = options.accumulate_grad_batches, options.max_nonfinite_steps
    skipped = SkippedSteps(run.files, most, batches, last_step, options_against(run))
    return [
        skipped,
        progress,
        StepMetrics(run.config.data.batch_size * batches, options.log_every_n_steps),
        BestCheckpoint(where, monitor, lower),
        last,
        StepBoundary(run.files, ending, options.save_every, progress, last, skipped),
    ]


def _facts(run: TrainingRun, processes: int) -> dict[str, Any]:
    """Returns what W&B shows beside the configuration; multiply_adds are for an SR image of 1280 x 720 pixels."""
    return {
        "parameters": trainable_parameters(run.method),
        "multiply_adds": {f"x{scale}": multiply_adds(run.method, scale) for scale in run.data.scales},
        "processes": f"{processes} {run.devices.kind}",
        "precision": run.devices.precision,
    }
