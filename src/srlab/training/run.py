"""What train.py does: from a config to a trained, evaluated run."""

import logging
import os
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.strategies import DDPStrategy, Strategy

from srlab.config.parse import parse
from srlab.config.schema import TrainConfig
from srlab.config.values import as_scales
from srlab.data.catalog import overlap_warnings
from srlab.data.datamodule import SuperResolutionData
from srlab.data.evaluation_sets import evaluation_sets
from srlab.data.image_sets import ImageSet
from srlab.distributed import rank_and_world
from srlab.errors import SrlabError
from srlab.evaluation.comparison_figure import comparison
from srlab.evaluation.complexity import multiply_adds, trainable_parameters
from srlab.evaluation.measure import EvaluationSettings, ResultRow, evaluate
from srlab.evaluation.tables import print_table, write_results
from srlab.methods import find_method
from srlab.methods.loading import check_resumable, load_checkpoint, transfer
from srlab.methods.recipe import recipe_of_model
from srlab.methods.super_resolver import SuperResolver
from srlab.metrics.protocol import protocol
from srlab.run_files import RunFiles, checkpoint_in
from srlab.training.checkpoints import BEST_BY, BestCheckpoint, LastCheckpoint
from srlab.training.devices import Devices, choose_devices, inference_device
from srlab.training.loggers.choose import build_loggers, check_connection, check_logger
from srlab.training.loggers.run_logger import ended, run_loggers
from srlab.training.panel_callback import ValidationPanels
from srlab.training.pretraining import PRETRAINING, stage_before
from srlab.training.process_group import Process, this_process
from srlab.training.progress import ProgressLines, StepBar
from srlab.training.run_folder import check_folder, checkpoint_to_resume, claim_folder, run_name
from srlab.training.start_ranks import run_job
from srlab.training.step_metrics import StepMetrics
from srlab.weights.checkpoint import step_of

SCRATCH = "scratch"  # init_from: random weights, where a method would rather not

# What Lightning says of devices and precision stands in the run's own first line.
for _name in ("pytorch_lightning", "lightning_fabric"):
    logging.getLogger(_name).setLevel(logging.WARNING)


@dataclass(frozen=True)
class TrainingRun:
    """What a run is made of. resumed: the checkpoint that it goes on from, or None."""

    config: TrainConfig
    devices: Devices
    method: SuperResolver
    data: SuperResolutionData
    folder: Path
    resumed: Path | None

    @property
    def files(self) -> RunFiles:
        return RunFiles(self.folder)


def train_config(cfg: DictConfig, apart: bool = False) -> dict[str, float]:
    """Trains, evaluates the best checkpoint, writes the run's folder, and returns {"val/psnr", "SET_xS/psnr", ...}.

    apart: train in processes of its own, even if it is one, as every job of a sweep does.
    Every mistake that can be found before the first step raises SrlabError before the folder is made.
    """
    run, process = _prepare(parse(cfg, TrainConfig)), this_process()
    start = run.config.init_from if run.resumed is None else None
    if start not in (None, SCRATCH):
        _start_from(run.method, checkpoint_in(Path(str(start))), process)
    if process.leads:
        if run.config.data.kind == "auto" and run.data.kind == "sample":
            print("\n*** No DIV2K under data.root: training on the embedded SAMPLE data. ***")
            print("*** Its numbers do not compare with those of papers. ***\n")
        claim_folder(run.folder, run.resumed, keep=PRETRAINING if run.config.resume == "auto" else None)
        _save_config(cfg, run.folder)
    if run.config.pretrain is not None and start is None and run.resumed is None:
        cfg.init_from = _first_stage(cfg, run, apart)
        _start_from(run.method, Path(cfg.init_from), process)
        if process.leads:
            _save_config(cfg, run.folder)
    if process.leads and process.environment is None and (run.devices.count > 1 or apart):
        return run_job(train_config, run.files.config, run.devices.count)
    return _train(run, process)


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
    OmegaConf.save(OmegaConf.create(OmegaConf.to_container(cfg, resolve=True)), RunFiles(folder).config)


def _prepare(config: TrainConfig) -> TrainingRun:
    """Everything but the trainer; finds every mistake that it can, the cheap ones first."""
    devices = choose_devices(config.trainer)
    torch.manual_seed(config.seed)
    method = find_method(config.model.method)(config.model.network, recipe_of_model(config))
    method.prepare_training()
    method.configure_optimizers()  # for its errors; Lightning calls it again
    if not method.automatic_optimization and devices.precision == "16-mixed":
        raise SrlabError(f"trainer.precision=16-mixed: {method.label} steps by hand. Say trainer.precision=bf16-mixed")
    if config.trainer.best_by not in ("auto", *BEST_BY):
        raise SrlabError(f"trainer.best_by={config.trainer.best_by}: expected auto, {' or '.join(BEST_BY)}.")
    check_logger(config)
    sets = _sets(config)
    data = SuperResolutionData(config.data, _scales(config, method), protocol(config.protocol.name), config.seed)
    if not method.automatic_optimization:
        data.batches_together = config.trainer.accumulate_grad_batches
    method.check_patches(method.network, data.shape, data.scales, config.data.scale_per)
    folder = Path(config.runs) / run_name(config, data.scales, data.kind)
    run = TrainingRun(config, devices, method, data, folder, checkpoint_to_resume(config, folder))
    _check_start(run)
    if run.resumed is not None:
        check_resumable(method, data.state_dict(), run.resumed)
    process = this_process()
    if process.leads:
        check_folder(config, folder, run.resumed)
        data.check_validation()
        for image_set in sets:
            image_set.check(data.scales, data.protocol)
        for note in dict.fromkeys([*data.notes, *(note for image_set in sets for note in image_set.notes)]):
            print(note, file=sys.stderr, flush=True)
        for line in overlap_warnings(data.training.entries, [s.entry for s in [data.validation, *sets] if s.entry]):
            print(line, file=sys.stderr, flush=True)
        check_connection(config)
    # Builds the stores, and finds what is wrong with the images.
    data.dataset(range(0), world=devices.count * process.nodes)
    return run


def _check_start(run: TrainingRun) -> None:
    config = run.config
    if run.method.starts_trained and run.resumed is None and config.init_from is None and config.pretrain is None:
        needed = " or ".join(run.method.takes_weights_of)
        raise SrlabError(
            f"{run.method.label} starts from the weights of a trained {needed}: say init_from=CKPT (python train.py "
            f"model={needed} makes one), or experiment=srgan_vgg54, which trains both; init_from=scratch does without."
        )


def _sets(config: TrainConfig) -> list[ImageSet]:
    """What the trained method is measured on in the end."""
    return evaluation_sets(
        config.sets, Path(config.data.root).expanduser(), config.data.degradation, config.data.recursive
    )


def _scales(config: TrainConfig, method: SuperResolver) -> list[int]:
    scales, own = as_scales(config.scale), method.traits.scales
    if not scales:
        raise SrlabError("scale: a value is needed, such as scale=2.")
    if own is not None and not set(scales) <= set(own):
        raise SrlabError(f"scale={config.scale}: {method.label} was built for {', '.join(map(str, own))}.")
    return scales


def _strategy(run: TrainingRun, process: Process) -> Strategy | str:
    if process.world == 1:
        return "auto"
    return DDPStrategy(
        cluster_environment=process.environment,
        process_group_backend="nccl" if run.devices.kind == "cuda" else "gloo",
        gradient_as_bucket_view=True,
        find_unused_parameters=run.method.find_unused_parameters,
    )


def _best_by(run: TrainingRun) -> str:
    by = run.config.trainer.best_by
    return run.method.best_by if by == "auto" else by


def build_trainer(run: TrainingRun, process: Process) -> pl.Trainer:
    """The Lightning trainer of a run, for this process of it."""
    options = run.config.trainer
    by_hand = not run.method.automatic_optimization  # the method clips and accumulates, and Lightning must not
    accumulated = 1 if by_hand else options.accumulate_grad_batches
    last_step = min(options.max_steps, options.stop_after if options.stop_after is not None else options.max_steps)
    where = run.files.checkpoints
    bar = options.progress_bar and sys.stdout.isatty()
    callbacks: list[Callback] = [
        ProgressLines(last_step),
        StepMetrics(run.config.data.batch_size * options.accumulate_grad_batches, options.log_every_n_steps),
        BestCheckpoint(where, _best_by(run)),
        LastCheckpoint(where),
    ]
    loggers = build_loggers(run.config, run.folder, step_of(run.resumed), lambda: _facts(run, process.world))
    if run_loggers(loggers):
        shown = [picture.name for picture in run.data.validation.pictures[: run.config.logger.images]]
        callbacks.append(ValidationPanels(shown, run.data.scales[-1], run.data.protocol))
    return pl.Trainer(
        accelerator=run.devices.accelerator,
        devices=run.devices.count,
        num_nodes=process.nodes,
        strategy=_strategy(run, process),
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
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,  # SuperResolutionData gives every rank its share
    )


def _train(run: TrainingRun, process: Process) -> dict[str, float]:
    """One rank's part: fit, then its share of the evaluation."""
    if run.devices.kind == "cpu" and run.devices.count > 1:
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // run.devices.count))
    if run.config.trainer.channels_last:
        run.method.to(memory_format=torch.channels_last)
        run.data.memory_format = torch.channels_last
    trainer = build_trainer(run, process)
    with ended(trainer.loggers):
        return _fit_and_evaluate(run, process, trainer)


def _fit_and_evaluate(run: TrainingRun, process: Process, trainer: pl.Trainer) -> dict[str, float]:
    if trainer.is_global_zero:
        _announce(run, process.world)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*does not have many workers.*")
        warnings.filterwarnings("ignore", ".*sync_dist=True.*")  # val/psnr is gathered before it is logged
        warnings.filterwarnings("ignore", ".*LeafSpec.*is deprecated.*")
        warnings.filterwarnings("ignore", ".*Checkpoint directory .* exists and is not empty.*")
        trainer.fit(run.method, datamodule=run.data, ckpt_path=run.resumed, weights_only=True)
    best = trainer.checkpoint_callback
    assert isinstance(best, BestCheckpoint)
    if not best.path.is_file():
        raise SrlabError(f"{run.resumed}: nothing was left to train, and {run.folder} has no best.ckpt to evaluate.")
    logs = run_loggers(trainer.loggers) if trainer.is_global_zero else []
    for log in logs:
        log.log_checkpoints(best.path, run.files.last)
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
    report = next(callback for callback in callbacks if isinstance(callback, ProgressLines))
    training = {"seconds": report.seconds, "steps": trainer.global_step}
    rows = _evaluate(run, load_checkpoint(best.path), training)
    for log in logs:
        log.log_results(rows, run.files.comparison, step_of(best.path) - 1)
    result = {f"{row.set}_x{row.scale}/psnr": row.psnr for row in rows if row.method != "bicubic"}
    score = best.best_model_score  # and not the report's, which may be of a run in another folder
    psnr = float(score) if score is not None and _best_by(run) == "psnr" else report.latest
    return {"val/psnr": psnr, **result}


def _facts(run: TrainingRun, processes: int) -> dict[str, Any]:
    """What a log of the run's configuration should hold beside it. multiply_adds: for 1280 x 720 pixels, by scale."""
    return {
        "parameters": trainable_parameters(run.method),
        "multiply_adds": {f"x{scale}": multiply_adds(run.method, scale) for scale in run.data.scales},
        "processes": f"{processes} {run.devices.kind}",
        "precision": run.devices.precision,
    }


def _announce(run: TrainingRun, processes: int) -> None:
    resumed = f", from step {step_of(run.resumed)} of {run.resumed}" if run.resumed else ""
    print(
        f"{run.folder}: {run.method.label}, {trainable_parameters(run.method):,} parameters, "
        f"{len(run.data.training.names)} training images, {processes} {run.devices.kind} process(es), "
        f"{run.devices.precision}{resumed}",
        flush=True,
    )


def _evaluate(run: TrainingRun, method: SuperResolver, training: dict[str, float]) -> list[ResultRow]:
    """The best checkpoint and bicubic on every set, as evaluate.py would; table, results.json and pictures.

    training: what it took, for results.json.
    """
    rules, device = protocol(run.config.protocol.name), inference_device(run.config.trainer.accelerator)
    bicubic = find_method("interpolation")({"kernel": "bicubic"})
    methods = [("bicubic", bicubic), (method.label, method)]
    first = rank_and_world()[0] == 0
    rows: list[ResultRow] = []
    for i, image_set in enumerate(_sets(run.config)):
        settings = EvaluationSettings(rules, device, save_images=run.files.images if i == 0 else None)
        rows += evaluate(methods, [image_set], list(run.data.scales), settings)
        if i == 0 and first:
            comparison(methods, image_set, run.data.scales[-1], settings, run.files.comparison)
    if first:
        write_results(rows, run.folder, {"training": training})
        print_table(rows, f"{run.files.best}, protocol {rules.name}")
        print(f"written: {run.files.results}, and the picture {run.files.comparison}", flush=True)
    return rows
