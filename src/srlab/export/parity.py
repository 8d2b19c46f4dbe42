"""Whether an exported program gives what PyTorch gives."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from srlab.errors import SrlabError
from srlab.export.program import Program, Values, random_inputs
from srlab.networks.network import SRNetwork

Run = Callable[[Sequence[Tensor]], Tensor]  # the inputs of a program -> its output
SIZES = ((1, 17, 33), (2, 40, 26))  # images, height and width; none of them is what the exporter has seen
RELATIVE = 1e-4  # deviation from the largest value that is allowed
LEVELS = 1  # of uint8: a value halfway between two levels may be rounded to either
SMALLEST_SIDES = (1, 2, 3, 4)  # that are tried


def onnx_runtime(model: bytes) -> Run:
    """Returns a program that ONNX Runtime computes, in as many threads as PyTorch uses."""
    import onnxruntime  # noqa: PLC0415 - a heavy extra

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 4  # errors are raised as well
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    names = [node.name for node in session.get_inputs()]

    def run(inputs: Sequence[Tensor]) -> Tensor:
        given = {name: tensor.numpy(force=True) for name, tensor in zip(names, inputs, strict=True)}
        return torch.from_numpy(session.run(None, given)[0])

    return run


def check_parity(
    run: Run, network: SRNetwork, scale: int, what: str, values: Values = "float", allowed: float = RELATIVE
) -> float:
    """Compares a program with PyTorch on random images of two sizes.

    Args:
        run: the program.
        network: that it was made of.
        scale: at which it was made.
        what: the program's name in the error.
        values: of images.
        allowed: the largest difference over the largest value; for uint8 it is one level.

    Returns:
        The largest difference over the largest value; for uint8 the largest difference in levels.

    Raises:
        SrlabError: they differ by more.
    """
    worst = max(deviation(run, network, scale, values, size) for size in SIZES)
    limit = LEVELS if values == "uint8" else allowed
    if not worst <= limit:  # not a number is no parity either
        unit = "levels of 255" if values == "uint8" else "of the largest value"
        raise SrlabError(f"{what}: differs from PyTorch by {worst:.3g} {unit}; {limit:g} is allowed. It was not kept.")
    return worst


def deviation(run: Run, network: SRNetwork, scale: int, values: Values, size: tuple[int, int, int]) -> float:
    """Returns by how much a program differs from PyTorch on random images; see `check_parity`."""
    inputs = random_inputs(network, values, *size)
    with torch.inference_mode():
        expected = Program(network, scale, values)(*inputs).float()
    found = run(inputs).float()
    if found.shape != expected.shape:
        return float("inf")
    difference = float((found - expected).abs().max())
    return difference if values == "uint8" else difference / max(float(expected.abs().max()), 1e-6)


def smallest_side(run: Run, network: SRNetwork, scale: int, label: str, values: Values = "float") -> int:
    """Returns the side of the smallest images for which a program gives what PyTorch gives.

    Args:
        run: calls the program.
        network: in eval mode, float32, on the CPU.
        scale: of the program.
        label: what the network is called in messages.
        values: float or uint8 images.

    Raises:
        SrlabError: it fails for a side of the last of SMALLEST_SIDES, too.
    """
    multiple = network.traits.size_multiple
    for side in SMALLEST_SIDES:
        try:
            found = deviation(run, network, scale, values, (1, side * multiple, side * multiple))
        except Exception:  # every runtime has errors of its own for sizes that its program cannot do
            continue
        if found <= (LEVELS if values == "uint8" else RELATIVE):
            return side * multiple
    side = SMALLEST_SIDES[-1] * multiple
    raise SrlabError(f"{label}: cannot be exported: its program fails for images of {side} pixels a side.")


def describe(deviation_found: float, values: Values) -> str:
    """Says a result of `check_parity` in words."""
    if values == "uint8":
        return f"at most {deviation_found:.0f} of 255 levels"
    return f"at most {deviation_found:.1e} of the largest value"
