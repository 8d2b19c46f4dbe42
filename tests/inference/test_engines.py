"""ONNX Runtime and OpenVINO in PyTorch's place."""

import ctypes
import gc
import os
import subprocess
import sys
from importlib.util import find_spec

import pytest
import torch
from helpers import ROOT

from srlab.errors import SrlabError
from srlab.inference import engines
from srlab.inference.engines import engine_forward
from srlab.inference.upscaler import Settings, Upscaler
from srlab.networks import NETWORKS

ENGINES = [
    pytest.param(name, marks=pytest.mark.skipif(find_spec(name) is None, reason=f"{name} is not installed"))
    for name in ("onnxruntime", "openvino")
]
needs_openvino = pytest.mark.skipif(find_spec("openvino") is None, reason="openvino is not installed")
pytestmark = pytest.mark.skipif(find_spec("onnxscript") is None, reason="the extra export is not installed")


def tiny(name, **arguments):
    torch.manual_seed(0)
    return NETWORKS[name](**{**NETWORKS[name].tiny, **arguments}).eval()


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_computes_what_pytorch_computes_at_every_size(engine):
    network = tiny("edsr", scale=2)
    forward = engine_forward(network, engine, "edsr", "32")
    for size in ((1, 3, 9, 14), (4, 3, 31, 12), (1, 3, 9, 14), (1, 3, 1, 5)):  # tiles differ, and sizes come again
        lr = torch.rand(size)
        with torch.no_grad():
            expected = network(lr, 2)
        assert torch.allclose(forward(lr, 2), expected, atol=1e-5)


@pytest.mark.parametrize("engine", ENGINES)
def test_results_stay_as_they_are_when_the_engine_computes_the_next(engine):
    forward = engine_forward(tiny("edsr", scale=2), engine, "edsr", "32")
    first = forward(torch.zeros(1, 3, 8, 8), 2)
    kept = first.clone()
    forward(torch.ones(1, 3, 8, 8), 2)
    assert torch.equal(first, kept)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_the_upscaler_uses_it_for_tiles_and_scales(engine, monkeypatch):
    """VDSR has several scales, and a program for each that is asked for; luma goes in, and colour around it."""
    network = tiny("vdsr")
    lr = torch.rand(1, 3, 40, 28)
    plain = Upscaler(network, "vdsr", Settings(tile=None, precision="32"))
    other = Upscaler(network, "vdsr", Settings(tile=24, engine=engine, precision="32"))
    calls = []
    program = engines._EngineForward.program
    monkeypatch.setattr(
        engines._EngineForward, "program", lambda self, scale: calls.append(scale) or program(self, scale)
    )
    for scale in (2, 3):
        assert torch.allclose(other.tensor(lr, scale), plain.tensor(lr, scale), atol=1e-5)
    assert set(calls) == {2, 3} and len(calls) > 2  # several tiles


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("name", "precision", "message"),
    [
        ("srmd", "32", "is told of the degradation; only engine=torch"),
        ("aplus", "32", "aplus cannot be exported: it gathers"),
        ("edsr", "16", "precision=16: expected auto, 32 or bf16"),
    ],
)
def test_what_an_engine_cannot_do_is_one_line(engine, name, precision, message):
    with pytest.raises(SrlabError, match=f"engine={engine}: .*{message}") as error:
        engine_forward(tiny(name, scale=2), engine, name, precision)
    assert "\n" not in str(error.value)


def test_bf16_is_refused_where_there_is_none(monkeypatch):
    monkeypatch.setattr(engines, "has_fast_bf16", lambda kind: False)
    for engine in ("onnxruntime", "openvino"):
        with pytest.raises(SrlabError, match=f"engine={engine}: precision=bf16: this engine"):
            engine_forward(tiny("edsr", scale=2), engine, "edsr", "bf16")


@pytest.mark.parametrize("engine", ENGINES)
def test_answers_that_differ_are_refused(engine, monkeypatch):
    compiled = engines._COMPILED[engine]
    monkeypatch.setitem(
        engines._COMPILED,
        engine,
        lambda *given: lambda inputs: compiled(*given)(inputs) + 0.01,  # a broken engine
    )
    with pytest.raises(SrlabError, match=f"engine={engine}: edsr: differs from PyTorch by"):
        engine_forward(tiny("edsr", scale=2), engine, "edsr", "32")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_size_that_a_program_cannot_do_is_one_line(engine):
    """Bicubic needs two pixels to mirror at the edge."""
    forward = engine_forward(NETWORKS["interpolation"](), engine, "bicubic", "32")
    assert forward(torch.rand(1, 3, 2, 2), 2).shape == (1, 3, 4, 4)
    message = rf"^engine={engine}: fails for 1x1 pixels \(.+\)\. Say engine=torch\.$"
    with pytest.raises(SrlabError, match=message) as error:
        forward(torch.rand(1, 3, 1, 1), 2)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_network_of_several_scales_is_refused_at_its_first_image(engine):
    forward = engine_forward(tiny("selfexsr"), engine, "selfexsr", "32")
    with pytest.raises(SrlabError, match=f"^engine={engine}: selfexsr: selfexsr cannot be exported: it searches"):
        forward(torch.rand(1, 1, 8, 8), 2)


@needs_openvino
@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux's libc for the stack of signals")
def test_programs_leave_the_stack_of_signals_alone():
    """Two, which go in the order in which they came: the next signal would crash."""

    class Stack(ctypes.Structure):
        _fields_ = (("at", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t))

    def stack_of_signals():
        found = Stack()
        assert ctypes.CDLL(None).sigaltstack(None, ctypes.byref(found)) == 0
        return None if found.flags & 2 else found.at  # SS_DISABLE

    before, lr = stack_of_signals(), torch.rand(1, 3, 9, 9)
    programs = [engine_forward(tiny("edsr", scale=2), "openvino", "edsr", "32") for _ in range(2)]
    for number in (0, 1):
        programs[number](lr, 2)
        programs[number] = None
        gc.collect()
        assert stack_of_signals() in (before, None)


@needs_openvino
@pytest.mark.slow
def test_openvino_sends_nothing():
    """`import openvino` alone looks a host up where openvino_telemetry is installed and has not been told not to."""
    code = (
        "import sys, time; seen = []\n"
        "sys.addaudithook(lambda event, what: seen.append(what) if event.startswith('socket.') else None)\n"
        "from srlab.inference.engines import import_openvino\n"
        "assert import_openvino().Core().available_devices; time.sleep(1)\n"  # telemetry has a thread of its own
        "print(seen, 'openvino_telemetry' in sys.modules)"
    )
    own = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run([sys.executable, "-c", code], env=own, capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[-2] == "[] False"
