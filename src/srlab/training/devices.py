"""The hardware and the precision of a run. Asking for hardware that is not there is an error."""

import os
import warnings
from dataclasses import dataclass
from typing import Any, Literal

import torch

from srlab.config.schema import TrainerConfig
from srlab.errors import SrlabError, nearest
from srlab.inference.devices import has_fast_bf16, is_there
from srlab.training.process_group import Process, this_process

PRECISIONS = ("32-true", "bf16-mixed", "16-mixed")
Kind = Literal["cpu", "cuda", "mps"]
KINDS: dict[str, Kind] = {"cpu": "cpu", "gpu": "cuda", "cuda": "cuda", "mps": "mps"}
ACCELERATORS = {"cpu": "cpu", "cuda": "gpu", "mps": "mps"}  # Lightning's words


@dataclass(frozen=True)
class Devices:
    """The hardware and the precision of a run.

    Attributes:
        kind: cpu, cuda, or mps (Apple's GPU).
        count: processes on this machine.
        precision: in Lightning's words, such as bf16-mixed.
    """

    kind: Kind
    count: int
    precision: Any

    @property
    def accelerator(self) -> str:
        return ACCELERATORS[self.kind]


def _kind(accelerator: str) -> Kind:
    if accelerator == "auto":
        return next(kind for kind in ("cuda", "mps", "cpu") if is_there(kind))
    if accelerator not in KINDS:
        raise SrlabError(f"trainer.accelerator={accelerator}: expected auto, cpu, gpu or mps.")
    kind = KINDS[accelerator]
    if not is_there(kind):
        what = "no Apple GPU" if kind == "mps" else "no GPU"
        raise SrlabError(
            f"trainer.accelerator={accelerator}: PyTorch finds {what} on this machine. Use trainer=cpu or trainer=auto."
        )
    return kind


def inference_device(accelerator: str) -> torch.device:
    """Returns the device that evaluation runs on. Raises SrlabError for a GPU that is not there."""
    return torch.device(_kind(accelerator))


def choose_devices(trainer: TrainerConfig) -> Devices:
    """Chooses the devices that conf/trainer asks for; warns of more CPU processes than cores.

    Raises:
        SrlabError: GPUs that are not there, or another number of processes than torchrun or srun has started.
    """
    kind, process = _kind(trainer.accelerator), this_process()
    there = torch.cuda.device_count() if kind == "cuda" else os.cpu_count() or 1
    count = _count(trainer.devices, process, there if kind == "cuda" else 1)
    if kind == "cuda" and count > there:
        raise SrlabError(f"trainer.devices={count}: this machine has {there} GPU(s).")
    if kind == "mps" and count > 1:
        raise SrlabError(f"trainer.devices={count}: an Apple machine has one GPU. Use trainer.devices=1.")
    if kind == "cpu" and count > there and process.leads:
        warnings.warn(f"trainer.devices={count}: more processes than the {there} cores; expect no speed.", stacklevel=2)
    return Devices(kind, count, _precision(trainer.precision, kind))


def _count(devices: Any, process: Process, automatic: int) -> int:
    """Returns the number of processes on this machine."""
    if devices != "auto" and not (type(devices) is int and devices >= 1):
        raise SrlabError(f"trainer.devices={devices}: expected auto or a number of at least 1.")
    if process.environment is None:
        return automatic if devices == "auto" else devices
    if devices not in ("auto", process.local):
        raise SrlabError(
            f"trainer.devices={devices}: {process.starter} has started {process.local} process(es) on this machine. "
            f"Leave trainer.devices out, or start as many."
        )
    return process.local


def _precision(precision: str, kind: str) -> Any:
    if precision not in ("auto", *PRECISIONS):
        known = ("auto", *PRECISIONS)
        raise SrlabError(f"trainer.precision={precision}: expected {', '.join(known)}.{nearest(precision, known)}")
    if precision != "auto":
        return precision
    return "bf16-mixed" if has_fast_bf16(kind) else "32-true"
