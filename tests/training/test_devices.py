"""From conf/trainer to the hardware that is there."""

import pytest
import torch

from srlab.config.compose import compose
from srlab.config.parse import parse
from srlab.config.schema import TrainConfig
from srlab.errors import SrlabError
from srlab.inference.devices import has_fast_bf16
from srlab.training import devices as module
from srlab.training.devices import choose_devices, inference_device


def chosen(*overrides: str):
    return choose_devices(parse(compose("train", list(overrides)), TrainConfig).trainer)


def test_cpu_groups():
    assert (chosen("trainer=cpu").kind, chosen("trainer=cpu").count) == ("cpu", 1)
    assert chosen("trainer=ddp_sim").count == 2 and chosen("trainer=ddp_sim").accelerator == "cpu"


def test_more_processes_than_cores_warn(monkeypatch):
    monkeypatch.setattr(module.os, "cpu_count", lambda: 2)
    with pytest.warns(UserWarning, match="more processes than the 2 cores"):
        assert chosen("trainer=cpu", "trainer.devices=3").count == 3


def test_gpus_as_far_as_they_are_there(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: True)
    assert (chosen().kind, chosen().count, chosen().precision) == ("cuda", 2, "bf16-mixed")
    assert chosen("trainer=gpu").count == 1 and chosen("trainer=ddp").count == 2
    with pytest.raises(SrlabError, match=r"trainer\.devices=4: this machine has 2 GPU"):
        chosen("trainer.devices=4")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
@pytest.mark.parametrize("group", ["gpu", "ddp"])
def test_a_gpu_that_was_asked_for_is_an_error(group):
    with pytest.raises(SrlabError, match="finds no GPU"):
        chosen(f"trainer={group}")


def test_precision_is_bf16_only_where_it_is_fast(monkeypatch):
    assert chosen("trainer=cpu").precision == ("bf16-mixed" if has_fast_bf16("cpu") else "32-true")
    monkeypatch.setattr(module, "has_fast_bf16", lambda kind: False)
    assert chosen("trainer=cpu").precision == "32-true"
    assert chosen("trainer=cpu", "trainer.precision=16-mixed").precision == "16-mixed"


@pytest.fixture
def apple(monkeypatch):
    """A machine with an Apple GPU, as far as PyTorch's answer goes; none of it computes here."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)


def test_apples_gpu(apple):
    for override in ("trainer=auto", "trainer.accelerator=mps"):
        devices = chosen(override)
        assert (devices.kind, devices.accelerator, devices.count, devices.precision) == ("mps", "mps", 1, "32-true")
    assert inference_device("auto").type == inference_device("mps").type == "mps"
    assert chosen("trainer=cpu").kind == "cpu"
    with pytest.raises(SrlabError, match=r"trainer\.devices=2: an Apple machine has one GPU"):
        chosen("trainer.accelerator=mps", "trainer.devices=2")


@pytest.mark.skipif(torch.backends.mps.is_available(), reason="this machine has an Apple GPU")
def test_an_apple_gpu_that_was_asked_for_is_an_error():
    with pytest.raises(SrlabError, match=r"trainer\.accelerator=mps: PyTorch finds no Apple GPU"):
        chosen("trainer.accelerator=mps")


def test_another_accelerator_is_an_error():
    with pytest.raises(SrlabError, match="expected auto, cpu, gpu or mps"):
        inference_device("tpu")
