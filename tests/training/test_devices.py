"""From conf/trainer to the hardware that is there."""

import pytest
import torch

from srlab.config.compose import compose
from srlab.config.parse import parse
from srlab.config.schema import TrainConfig
from srlab.errors import SrlabError
from srlab.training import devices as module
from srlab.training.devices import choose_devices, has_fast_bf16


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
