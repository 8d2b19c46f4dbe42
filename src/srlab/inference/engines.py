"""Engines other than PyTorch: ONNX Runtime and OpenVINO compute a network on the CPU, by an ONNX program in memory."""

import copy
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import torch
from torch import Tensor

from srlab.errors import SrlabError
from srlab.export.parity import RELATIVE, Run, check_parity, onnx_runtime
from srlab.export.program import onnx_model
from srlab.extras import require_extra
from srlab.inference.devices import has_fast_bf16
from srlab.inference.upscale import Forward
from srlab.networks.network import SRNetwork

Engine = Literal["onnxruntime", "openvino"]
BF16 = 3e-2  # largest deviation from PyTorch in float32 over the largest value, where OpenVINO computes in bf16
TELEMETRY = "openvino_telemetry"


def engine_forward(network: SRNetwork, engine: Engine, label: str, precision: str = "32") -> Forward:
    """Returns what computes in a network's place.

    The network becomes an ONNX program, and the engine's answers are compared with PyTorch's: here for a network of one
    scale, at the first image of a scale for others. Threads are as many as PyTorch uses.

    Args:
        network: in eval mode, float32; folded or not. It is not changed.
        engine: onnxruntime or openvino.
        label: what the network is called in messages.
        precision: 32; bf16, which OpenVINO has on CPUs with instructions for it; or auto, the fastest of these that
            there is.

    Raises:
        SrlabError: a package is not installed, the engine does not have the precision, the network cannot be exported,
            or the engine's answers are not PyTorch's.
    """
    require_extra("export", f"engine={engine}")
    if engine == "openvino":
        require_extra("openvino", f"engine={engine}")
    if network.traits.condition_length is not None:
        raise SrlabError(f"engine={engine}: {label} is told of the degradation; only engine=torch does that.")
    own = copy.deepcopy(network).cpu().eval()
    forward = _EngineForward(own, engine, label, _precision(engine, precision))
    if network.traits.scales is not None and len(network.traits.scales) == 1:
        forward.program(network.traits.scales[0])
    return forward


def _precision(engine: Engine, asked: str) -> str:
    """Returns 32 or bf16. Raises SrlabError for what an engine does not have on this CPU."""
    fast = engine == "openvino" and has_fast_bf16("cpu")
    if asked == "auto":
        return "bf16" if fast else "32"
    if asked == "bf16" and not fast:
        lacks = "has no bf16" if engine == "onnxruntime" else "computes in bf16 on CPUs that have instructions for it"
        raise SrlabError(f"engine={engine}: precision=bf16: this engine {lacks}. Say precision=32 or precision=auto.")
    if asked not in ("32", "bf16"):
        raise SrlabError(f"engine={engine}: precision={asked}: expected auto, 32 or bf16.")
    return asked


class _EngineForward:
    """A network as programs of an engine, one for every scale that is asked for."""

    def __init__(self, network: SRNetwork, engine: Engine, label: str, precision: str) -> None:
        self.network, self.engine, self.label, self.precision = network, engine, label, precision
        self._programs: dict[int, Run] = {}

    def __call__(self, lr: Tensor, scale: int) -> Tensor:
        """As `srlab.inference.upscale.Forward`; the result is on the device of `lr`."""
        shape = (*lr.shape[:2], lr.shape[2] * scale, lr.shape[3] * scale)
        try:
            found = self.program(scale)([lr.float()])
            if found.shape != shape:  # OpenVINO, for a size that it cannot do: a result of the size before
                raise RuntimeError(f"the result is of {found.shape[3]}x{found.shape[2]}")
            return found.to(lr.device)
        except SrlabError:
            raise
        except Exception as error:  # engines raise errors of many types for sizes that their program cannot do
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            size = f"{lr.shape[3]}x{lr.shape[2]}"
            raise SrlabError(f"engine={self.engine}: fails for {size} pixels ({reason}). Say engine=torch.") from error

    def program(self, scale: int) -> Run:
        """Returns the program of a scale, which has been compared with PyTorch."""
        if scale not in self._programs:
            model = onnx_model(self.network, scale, f"engine={self.engine}: {self.label}").SerializeToString()
            run = _COMPILED[self.engine](model, self.precision)
            allowed = BF16 if self.precision == "bf16" else RELATIVE
            check_parity(run, self.network, scale, f"engine={self.engine}: {self.label}", allowed=allowed)
            self._programs[scale] = run
        return self._programs[scale]


def _onnx_runtime(model: bytes, precision: str) -> Run:
    return onnx_runtime(model)


def openvino_program(model: bytes, precision: str) -> Run:
    """Returns a program that OpenVINO computes on the CPU.

    Args:
        model: an ONNX model.
        precision: 32, or bf16.
    """
    openvino = import_openvino()
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
    }

    def compiled_here() -> Any:
        core = openvino.Core()
        return core.compile_model(core.read_model(model), "CPU", settings)

    # OpenVINO gives the thread that compiles a stack for signals of its own (sigaltstack), and when the program goes,
    # the one before. Of two programs that go in the order in which they came, the second one's is of the first, and
    # gone: the next signal that Python handles, such as Ctrl-C, would crash. A new thread has none before.
    with ThreadPoolExecutor(1) as thread:
        compiled = thread.submit(compiled_here).result()

    def run(inputs: Any) -> Tensor:
        found = compiled([tensor.numpy(force=True) for tensor in inputs])
        return torch.from_numpy(found[0].copy())  # the next call writes into the same memory

    return run


_COMPILED: dict[str, Callable[[bytes, str], Run]] = {"onnxruntime": _onnx_runtime, "openvino": openvino_program}


def import_openvino() -> Any:
    """Imports OpenVINO without its telemetry.

    `import openvino` sends an event to Google Analytics where the package openvino_telemetry is installed, as it is
    with every wheel of OpenVINO, unless the user has opted out. Without that package it sends nothing.
    """
    if "openvino" not in sys.modules:
        modules: dict[str, Any] = sys.modules
        before = modules.get(TELEMETRY)
        modules[TELEMETRY] = None  # to Python, a package that is not there
        try:
            import openvino  # noqa: F401, PLC0415 - a heavy extra
        finally:
            del modules[TELEMETRY]
            if before is not None:
                modules[TELEMETRY] = before
    return sys.modules["openvino"]
