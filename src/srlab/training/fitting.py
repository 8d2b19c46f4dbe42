"""Runs of methods that are computed from the training images at once, instead of trained by steps."""

import time
from typing import Any

import pytorch_lightning as pl

from srlab.methods.fitted import FittedMethod
from srlab.methods.loading import load_weights
from srlab.training.prepare import TrainingRun, monitor_of
from srlab.training.progress import remark_of
from srlab.weights.checkpoint import MARK
from srlab.weights.files import read_file


def fit_network(run: TrainingRun, trainer: pl.Trainer) -> tuple[dict[str, Any], dict[str, float]]:
    """Computes the network of a fitted method, validates it, and writes best.ckpt and last.ckpt, which are the same.

    A resumed run takes the network from its checkpoint, so it only validates.

    Args:
        run: whose method is a FittedMethod.
        trainer: validates, logs and writes.

    Returns:
        Seconds and steps, for results.json; and validation's numbers: PSNR, and the monitored metric.
    """
    method, start = run.method, time.perf_counter()
    assert isinstance(method, FittedMethod)
    if run.resumed is None:
        method.to(trainer.strategy.root_device)
        method.fit(run.data.training, run.data.degradation, run.config.seed, lambda text: print(text, flush=True))
        method.seconds = time.perf_counter() - start
    else:
        load_weights(method, run.resumed)
        method.seconds = read_file(run.resumed)[MARK]["seconds"]
    (measured,) = trainer.validate(method, datamodule=run.data, verbose=False)
    remark = remark_of(method)
    print(f"computed in {method.seconds:.0f} s  validation {measured['val/psnr']:.2f} dB{remark}", flush=True)
    for path in (run.files.best, run.files.last):
        trainer.save_checkpoint(path)
    chosen_by = {"val/psnr", monitor_of(run.config, method)}
    return {"seconds": method.seconds, "steps": 0}, {key: measured[key] for key in chosen_by & measured.keys()}
