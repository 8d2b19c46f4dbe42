"""What train.py does: from a config to a trained, evaluated run."""

import os
import sys
import warnings
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.callbacks import LearningRateMonitor, ModelCheckpoint, RichProgressBar
from pytorch_lightning.strategies import DDPStrategy, SingleDeviceStrategy, Strategy

from srlab.config import TrainConfig, parse, recipe_of_model
from srlab.data.datamodule import SuperResolutionData
from srlab.data.pairs import evaluation_sets
from srlab.errors import SrlabError
from srlab.evaluation.benchmark import Row, Settings, evaluate
from srlab.evaluation.figures import comparison
from srlab.evaluation.tables import print_table, write_results
from srlab.inference.weights import load_checkpoint, transfer
from srlab.methods import find_method
from srlab.methods.base import SuperResolver
from srlab.metrics.protocol import protocol
from srlab.training.callbacks import Report
from srlab.training.devices import Devices, choose_devices, inference_device
from srlab.training.distributed import rank_and_world
from srlab.training.folder import checkpoint_to_resume, claim_folder, run_name, step_of
from srlab.training.launch import JobEnvironment, job, worker_environment, worker_rank
from srlab.training.loggers import build_loggers


def train_config(cfg: DictConfig) -> dict[str, float]:
    """Trains, evaluates the best checkpoint, writes the run's folder, and returns {"val/psnr", "SET_xS/psnr", ...}.

    Every mistake that can be found before the first step raises SrlabError before the folder is made.
    """
    config = parse(cfg, TrainConfig)
    devices = choose_devices(config.trainer)
    rules = protocol(config.protocol.name)
    torch.manual_seed(config.seed)
    method = find_method(config.model.method)(config.model.network, recipe_of_model(config))
    scales = _scales(config, method)
    data = SuperResolutionData(config.data, scales, rules, config.seed)
    data.dataset(range(0), world=devices.count)  # builds the stores, and finds what is wrong with the images
    evaluation_sets(config.sets, Path(config.data.root))
    folder = Path(config.runs) / run_name(config, scales, data.kind)
    resumed = checkpoint_to_resume(config, folder)
    if worker_rank() > 0:
        return _run(config, method, data, folder, resumed, devices, worker_environment())
    _start_from(config, method, resumed)
    if config.data.kind == "auto" and data.kind == "sample":
        print("\n*** No DIV2K under data.root: training on the embedded SAMPLE data, not comparable with papers. ***\n")
    claim_folder(config, folder)
    resolved = OmegaConf.create(OmegaConf.to_container(cfg, resolve=True))
    OmegaConf.save(resolved, folder / "config.yaml")
    with job(folder / "config.yaml", devices.count) as environment:
        return _run(config, method, data, folder, resumed, devices, environment)


def _scales(config: TrainConfig, method: SuperResolver) -> list[int]:
    scales = [config.scale] if isinstance(config.scale, int) else list(config.scale or [])
    own = method.traits.scales
    for scale in scales:
        if not isinstance(scale, int) or scale < 1 or (own is not None and scale not in own):
            has = "integers" if own is None else ", ".join(map(str, own))
            raise SrlabError(f"scale={config.scale}: {method.label} takes {has}.")
    if not scales:
        raise SrlabError("scale: a value is needed, such as scale=2.")
    return scales


def _start_from(config: TrainConfig, method: SuperResolver, resumed: Path | None) -> None:
    """Copies the weights of init_from into a fresh run, and says which."""
    if config.init_from is None or resumed is not None:
        return
    taken, left = transfer(method, Path(config.init_from))
    print(f"init_from={config.init_from}: took {len(taken)} tensors, left {len(left)} as initialised", end="")
    print(f" ({', '.join(left)})" if left else "")


def _strategy(devices: Devices, environment: JobEnvironment | None) -> Strategy | str:
    if environment is None:
        return SingleDeviceStrategy(device="cuda:0" if devices.kind == "cuda" else "cpu")
    backend = "nccl" if devices.kind == "cuda" else "gloo"
    return DDPStrategy(cluster_environment=environment, process_group_backend=backend, gradient_as_bucket_view=True)


def build_trainer(
    config: TrainConfig, folder: Path, resumed: Path | None, devices: Devices, environment: JobEnvironment | None
) -> pl.Trainer:
    """The Lightning trainer of a run; `environment` is None for a single process."""
    options = config.trainer
    last_step = min(options.max_steps, options.stop_after or options.max_steps)
    checkpoint = ModelCheckpoint(
        folder / "checkpoints",
        filename="best",
        monitor="val/psnr",
        mode="max",
        save_last=True,
        enable_version_counter=False,
        auto_insert_metric_name=False,
    )
    callbacks: list[Any] = [Report(last_step), LearningRateMonitor("step"), checkpoint]
    bar = options.progress_bar and sys.stdout.isatty()
    return pl.Trainer(
        accelerator=devices.accelerator,
        devices=devices.count,
        num_nodes=options.num_nodes,
        strategy=_strategy(devices, environment),
        precision=devices.precision,
        max_steps=last_step,
        max_epochs=-1,
        val_check_interval=options.val_check_interval,
        check_val_every_n_epoch=None,  # count steps, not epochs
        log_every_n_steps=options.log_every_n_steps,
        gradient_clip_val=options.gradient_clip_val,
        accumulate_grad_batches=options.accumulate_grad_batches,
        deterministic=options.deterministic,
        logger=build_loggers(config, folder, step_of(resumed)),
        callbacks=callbacks + ([RichProgressBar()] if bar else []),
        enable_progress_bar=bar,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,  # SuperResolutionData gives every rank its share
    )


def _run(
    config: TrainConfig,
    method: SuperResolver,
    data: SuperResolutionData,
    folder: Path,
    resumed: Path | None,
    devices: Devices,
    environment: JobEnvironment | None,
) -> dict[str, float]:
    """One rank's part: fit, then its share of the evaluation."""
    if devices.kind == "cpu" and devices.count > 1:
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // devices.count))
    if config.trainer.channels_last:
        method.to(memory_format=torch.channels_last)
    trainer = build_trainer(config, folder, resumed, devices, environment)
    _announce(config, method, data, folder, resumed, devices)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*does not have many workers.*")
        warnings.filterwarnings("ignore", ".*Checkpoint directory .* exists and is not empty.*")
        trainer.fit(method, datamodule=data, ckpt_path=resumed, weights_only=True)
    if trainer.interrupted:
        raise KeyboardInterrupt
    checkpoint = trainer.checkpoint_callback
    assert isinstance(checkpoint, ModelCheckpoint)
    best = folder / "checkpoints" / "best.ckpt"
    rows = _evaluate(config, load_checkpoint(best), data.scales, folder)
    result = {f"{row.set}_x{row.scale}/psnr": row.psnr for row in rows if row.method != "bicubic"}
    return {"val/psnr": float(checkpoint.best_model_score or 0.0), **result}


def _announce(
    config: TrainConfig,
    method: SuperResolver,
    data: SuperResolutionData,
    folder: Path,
    resumed: Path | None,
    devices: Devices,
) -> None:
    if worker_rank() > 0:
        return
    trained = sum(p.numel() for p in method.network.parameters() if p.requires_grad)
    print(f"{folder}: {method.label}, {trained:,} parameters, {len(data.training.names)} training images, ", end="")
    print(f"{devices.count} {devices.kind} process(es), {devices.precision}", end="")
    print(f", from step {step_of(resumed)} of {resumed}" if resumed else "", flush=True)


def _evaluate(config: TrainConfig, method: SuperResolver, scales: tuple[int, ...], folder: Path) -> list[Row]:
    """The best checkpoint and bicubic on every set, as evaluate.py would; table, results.json and pictures."""
    rules, device = protocol(config.protocol.name), inference_device(config.trainer.accelerator)
    bicubic = find_method("interpolation")({"kernel": "bicubic"})
    methods = [("bicubic", bicubic), (method.label, method)]
    rows: list[Row] = []
    for i, image_set in enumerate(evaluation_sets(config.sets, Path(config.data.root))):
        pictures = folder / "images" if i == 0 else None
        rows += evaluate(methods, [image_set], list(scales), Settings(rules, device, save_images=pictures))
        if i == 0 and rank_and_world()[0] == 0:
            comparison(methods, image_set, scales[-1], rules, device, folder / "comparison.png")
    if rank_and_world()[0] == 0:
        write_results(rows, folder)
        print_table(rows, f"{folder / 'checkpoints' / 'best.ckpt'}, protocol {rules.name}")
    return rows
