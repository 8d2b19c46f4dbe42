"""What train.py does: from a config to a trained, evaluated run."""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.callbacks import Callback

from srlab import finite
from srlab.atomic_write import write_text
from srlab.config.parse import parse
from srlab.config.schema import TrainConfig
from srlab.errors import SrlabError
from srlab.evaluation.complexity import trainable_parameters
from srlab.methods.fitted import FittedMethod
from srlab.methods.loading import load_checkpoint, transfer
from srlab.methods.super_resolver import SuperResolver
from srlab.run_files import RunFiles
from srlab.training.checkpoints import STEP, BestCheckpoint
from srlab.training.ending import Ended, Ending, reason, say, seconds_of_max_time
from srlab.training.final_evaluation import evaluate_run
from srlab.training.fitting import fit_network
from srlab.training.loggers.run_logger import ended, run_loggers
from srlab.training.memory_format import use_channels_last
from srlab.training.prepare import SCRATCH, TrainingRun, monitor_of, prepare, validation_meters
from srlab.training.pretraining import PRETRAINING, stage_before
from srlab.training.process_group import Process, this_process
from srlab.training.progress import TrainingProgress
from srlab.training.run_folder import claimed_folder
from srlab.training.skipped_steps import SkippedSteps
from srlab.training.start_ranks import run_job
from srlab.training.trainer import build_trainer
from srlab.weights import zoo
from srlab.weights.checkpoint import step_of

# Lightning's messages about devices and precision are left out: the run's own first line says the same.
for _name in ("pytorch_lightning", "lightning_fabric"):
    logging.getLogger(_name).setLevel(logging.WARNING)


def train_config(cfg: DictConfig, apart: bool = False) -> dict[str, float]:
    """Trains, evaluates the best checkpoint, and writes the run's folder.

    Args:
        cfg: the composed configuration.
        apart: train in a process of its own even if there is only one, as every job of a sweep does.

    Returns:
        "val/psnr" of the best checkpoint, the monitored metric if it is another, and "SET_xS/psnr" of every set.

    Raises:
        SrlabError: a mistake that can be found before the first step, before the folder is made; later, training that
            diverged or a rank that failed.
    """
    config, process = parse(cfg, TrainConfig), this_process()
    ending = Ending(seconds_of_max_time(config.trainer.max_time))
    with ending.heard():
        try:
            return _train_config(cfg, config, apart, ending)
        except Ended as end:
            if not end.shown and process.leads:
                say(f"ended by {reason(end.exit_code)}; every checkpoint that has been written is whole")
            if process.leads:
                ending.pass_on()
            raise Ended(end.exit_code, shown=True, saved=end.saved) from None


def _train_config(cfg: DictConfig, config: TrainConfig, apart: bool, ending: Ending) -> dict[str, float]:
    run, process = prepare(config), this_process()
    start = run.config.init_from if run.resumed is None else None
    if start not in (None, SCRATCH):
        _start_from(run.method, zoo.located(str(start)), process)
    if process.leads and config.data.kind == "auto" and run.data.kind == "sample":
        print("\n*** No DIV2K under data.root: training on the embedded SAMPLE data. ***")
        print("*** Its numbers do not compare with those of papers. ***\n")
    keep = PRETRAINING if config.resume == "auto" else None
    with claimed_folder(config, run.folder, run.resumed, keep) if process.leads else nullcontext():
        if process.leads:
            _save_config(cfg, run.folder)
        if config.pretrain is not None and start is None and run.resumed is None:
            cfg.init_from = _first_stage(cfg, run, apart)
            _start_from(run.method, Path(cfg.init_from), process)
            if process.leads:
                _save_config(cfg, run.folder)
        if process.leads and process.environment is None and (run.devices.count > 1 or apart):
            return run_job(train_config, run.files.config, run.devices.count, ending)
        return _train(run, process, ending)


def _start_from(method: SuperResolver, weights: Path, process: Process) -> None:
    taken, left = transfer(method, weights)
    if process.leads:
        names = f" ({', '.join(left)})" if left else ""
        print(f"init_from={weights}: took {len(taken)} tensors, left {len(left)} as initialised{names}", flush=True)


def _first_stage(cfg: DictConfig, run: TrainingRun, apart: bool) -> str:
    """Trains what `pretrain` says, unless it has ended before; returns its best checkpoint."""
    if run.config.resume != "auto" or not RunFiles(run.folder / PRETRAINING).is_finished:
        train_config(stage_before(cfg, run.folder), apart)
    return str(RunFiles(run.folder / PRETRAINING).best)


def _save_config(cfg: DictConfig, folder: Path) -> None:
    resolved = OmegaConf.create(OmegaConf.to_container(cfg, resolve=True))
    write_text(RunFiles(folder).config, OmegaConf.to_yaml(resolved))


def _train(run: TrainingRun, process: Process, ending: Ending) -> dict[str, float]:
    """Runs one rank: training, then its share of the evaluation."""
    if run.devices.kind == "cpu" and run.devices.count > 1:
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // run.devices.count))
    if run.config.trainer.channels_last:
        use_channels_last(run.method)
        run.data.memory_format = torch.channels_last
    trainer = build_trainer(run, process, ending)
    if len(run.method.meters) > 1:  # PSNR is measured on the CPU; the others on the device of this process
        run.method.meters = validation_meters(run.config, trainer.strategy.root_device)
    with ended(trainer.loggers):
        return _fit_and_evaluate(run, process, trainer)


def _fit_and_evaluate(run: TrainingRun, process: Process, trainer: pl.Trainer) -> dict[str, float]:
    if trainer.is_global_zero:
        _announce(run, process.world)
    with _without_warnings():
        work = fit_network if isinstance(run.method, FittedMethod) else _train_by_steps
        training, scores = work(run, trainer)
    best = run.files.best
    logs = run_loggers(trainer.loggers) if trainer.is_global_zero else []
    for log in logs:
        log.log_checkpoints(best, run.files.last)
    rows = evaluate_run(run, load_checkpoint(best), training)
    for log in logs:
        log.log_results(rows, run.files.comparison, max(0, step_of(best) - 1))
    result = {f"{row.set}_x{row.scale}/psnr": row.psnr for row in rows if row.method != "bicubic"}
    return {**scores, **result}


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Ignores Lightning's warnings about what is meant here."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*does not have many workers.*")
        warnings.filterwarnings("ignore", ".*sync_dist=True.*")  # val/psnr is gathered before it is logged
        warnings.filterwarnings("ignore", ".*LeafSpec.*is deprecated.*")
        warnings.filterwarnings("ignore", ".*Checkpoint directory .* exists and is not empty.*")
        yield


def _train_by_steps(run: TrainingRun, trainer: pl.Trainer) -> tuple[dict[str, Any], dict[str, float]]:
    """Trains; returns seconds and steps, for results.json, and validation's numbers of the best checkpoint."""
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
    skipped = next(callback for callback in callbacks if isinstance(callback, SkippedSteps))
    with skipped.explained():
        trainer.fit(run.method, datamodule=run.data, ckpt_path=run.resumed, weights_only=True)
    best = trainer.checkpoint_callback
    assert isinstance(best, BestCheckpoint)
    if not best.path.is_file():
        raise SrlabError(_without_best(run, trainer))
    report = next(callback for callback in callbacks if isinstance(callback, TrainingProgress))
    return {"seconds": report.seconds, "steps": trainer.global_step}, _scores(run, best, report)


def _without_best(run: TrainingRun, trainer: pl.Trainer) -> str:
    """Says why there is no best.ckpt: NaN never chooses it."""
    monitor = monitor_of(run.config, run.method)
    if finite.is_fault(float(trainer.callback_metrics.get(monitor, 0.0))):
        return (
            f"{run.folder}: {monitor} was not a number at any validation, so there is no best.ckpt. Evaluate "
            f"{run.files.last}, or choose by another trainer.monitor."
        )
    return f"{run.resumed}: nothing was left to train, and {run.folder} has no best.ckpt to evaluate."


def _scores(run: TrainingRun, best: BestCheckpoint, report: TrainingProgress) -> dict[str, float]:
    """Validation's numbers of the best checkpoint: PSNR, and the metric that chose it where that is another one."""
    monitor, score = monitor_of(run.config, run.method), best.best_model_score
    # The score is of this folder's checkpoint; the report may be of a run in another folder that was resumed.
    if monitor == "val/psnr" and score is not None:
        return {"val/psnr": float(score)}
    psnr = report.latest if monitor == STEP else report.psnr_of_best
    chosen = {} if monitor == STEP or score is None else {monitor: float(score)}
    return {"val/psnr": psnr, **chosen}


def _announce(run: TrainingRun, processes: int) -> None:
    resumed = f", from step {step_of(run.resumed)} of {run.resumed}" if run.resumed else ""
    print(
        f"{run.folder}: {run.method.label}, {trainable_parameters(run.method):,} parameters, "
        f"{len(run.data.training.names)} training images, {processes} {run.devices.kind} process(es), "
        f"{run.devices.precision}{resumed}",
        flush=True,
    )
