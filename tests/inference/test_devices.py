"""The device that is asked for, on machines that have it and machines that do not. Apple's GPUs are only pretended."""

import pytest
import torch

from srlab.errors import SrlabError
from srlab.inference.devices import choose_device, has_fast_bf16


@pytest.fixture
def machine(monkeypatch):
    def with_devices(*kinds):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: "cuda" in kinds)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 2 * ("cuda" in kinds))
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: "mps" in kinds)

    return with_devices


@pytest.mark.parametrize(
    ("there", "chosen"), [(("cuda", "mps"), "cuda"), (("cuda",), "cuda"), (("mps",), "mps"), ((), "cpu")]
)
def test_auto_takes_the_fastest(machine, there, chosen):
    machine(*there)
    assert choose_device("auto").type == chosen


def test_a_device_that_is_there(machine):
    machine("cuda", "mps")
    assert [str(choose_device(name)) for name in ("cpu", "cuda", "cuda:1", "mps")] == ["cpu", "cuda", "cuda:1", "mps"]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("cuda", "device=cuda: PyTorch finds no such device"),
        ("mps", "device=mps: PyTorch finds no such device"),
        ("gpu", "device=gpu: expected auto, cpu, cuda, cuda:NUMBER or mps"),
        ("cpu:1", "device=cpu:1: expected"),
        ("cuda:x", "device=cuda:x: expected"),
    ],
)
def test_a_device_that_is_not(machine, name, told):
    machine()
    with pytest.raises(SrlabError, match=told):
        choose_device(name)


def test_a_gpu_that_is_one_too_many(machine):
    machine("cuda")
    with pytest.raises(SrlabError, match=r"device=cuda:2: this machine has 2 GPU\(s\), counted from 0"):
        choose_device("cuda:2")


@pytest.mark.parametrize(
    ("capabilities", "fast"), [({"avx512_bf16": True}, True), ({"amx_bf16": True}, True), ({"avx2": True}, False)]
)
def test_bf16_by_what_the_cpu_has(monkeypatch, capabilities, fast):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert has_fast_bf16("cpu") == fast and not has_fast_bf16("mps")
