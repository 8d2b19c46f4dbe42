"""`srlab export CKPT OUT.ncnn.param`: a network as the two files of ncnn, converted by pnnx."""

import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from srlab.atomic_write import atomic_write
from srlab.errors import SrlabError
from srlab.export.metadata import metadata_of
from srlab.export.onnx_file import Exported
from srlab.export.parity import Run, deviation, smallest_side
from srlab.export.program import Program, check_exportable, random_inputs
from srlab.extras import require_extra
from srlab.networks.network import SRNetwork

PARAM, BIN = ".ncnn.param", ".ncnn.bin"
RECORDED = ((1, 20, 28), (1, 24, 36))  # pnnx takes what differs between two sizes for free
SIZES = ((1, 17, 33), (1, 40, 26))  # of the check
ALLOWED = 1e-3  # deviation from the largest value


def export_ncnn(network: SRNetwork, scale: int, label: str, path: Path) -> Exported:
    """Writes a network as OUT.ncnn.param and OUT.ncnn.bin, after ncnn has given what PyTorch gives, at two sizes.

    Args:
        network: in eval mode, float32, on the CPU; folded or not.
        scale: one of its scales.
        label: what it is called in messages.
        path: OUT.ncnn.param.

    Raises:
        SrlabError: an extra is not installed, the network cannot be converted, differs from PyTorch, or a file cannot
            be written.
    """
    require_extra("ncnn", str(path))
    check_exportable(network, label)
    if network.traits.condition_length is not None:
        raise SrlabError(
            f"{label}: cannot be exported to ncnn: it needs a second input, the degradation. Choose .onnx."
        )
    target = path.with_name(path.name.removesuffix(PARAM) + BIN)
    with tempfile.TemporaryDirectory() as folder:
        param, weights = _converted(network, scale, label, Path(folder))
        run = _ncnn(param, weights)
        worst = max(deviation(run, network, scale, "float", size) for size in SIZES)
        if not worst <= ALLOWED:
            raise SrlabError(
                f"{label}: cannot be exported to ncnn: its answer differs from PyTorch's by {worst:.3g} of the largest "
                f"value; {ALLOWED:g} is allowed."
            )
        facts = metadata_of(network, scale, label, "float")
        facts |= {"layout": "CHW", "smallest_side": str(smallest_side(run, network, scale, label))}
        try:
            for source, own in ((weights, target), (param, path)):
                with atomic_write(own) as partial:
                    shutil.copyfile(source, partial)
        except OSError as error:
            raise SrlabError(f"{path}: cannot be written ({error.strerror}). Choose another OUT.") from None
    return Exported((path, target), worst, facts)


def _converted(network: SRNetwork, scale: int, label: str, folder: Path) -> tuple[Path, Path]:
    """Traces a network and has pnnx convert it; returns the two files. pnnx writes more, into the same folder."""
    import pnnx  # noqa: PLC0415 - a heavy extra

    examples = [random_inputs(network, "float", *size)[0] for size in RECORDED]
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # of values that stay as they were recorded, which the check would find
        torch.jit.trace(Program(network, scale), examples[0], check_trace=False).save(folder / "network.pt")
    shapes = [f"[{','.join(map(str, example.shape))}]" for example in examples]
    # fp16=0: weights in float32.
    command = [pnnx.EXEC_PATH, "network.pt", f"inputshape={shapes[0]}", f"inputshape2={shapes[1]}", "fp16=0"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace")
    param, weights = folder / "network.ncnn.param", folder / "network.ncnn.bin"
    if done.returncode or not param.is_file() or not weights.is_file():
        words = (done.stderr or done.stdout).strip().splitlines()
        raise SrlabError(f"{label}: cannot be exported to ncnn: pnnx fails ({words[-1] if words else 'no message'}).")
    return param, weights


def _ncnn(param: Path, weights: Path) -> Run:
    """Returns two files of ncnn as a program. ncnn can end its process, so it has one of its own."""

    def run(inputs: Sequence[Tensor]) -> Tensor:
        given, made = param.with_name("in.npy"), param.with_name("out.npy")
        made.unlink(missing_ok=True)
        np.save(given, inputs[0][0].numpy(force=True))
        command = [sys.executable, "-c", _PROGRAM, *map(str, (param, weights, given, made))]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace")
        if done.returncode or not made.is_file():
            words = [line for line in done.stderr.splitlines() if line.strip()]
            raise SrlabError(f"ncnn cannot run what pnnx has made ({words[0] if words else 'no message'}).")
        return torch.from_numpy(np.load(made))[None]

    return run


# ncnn computes in 16 bits where it can, unless it is told not to.
_PROGRAM = """
import sys
import ncnn
import numpy as np
param, weights, given, made = sys.argv[1:]
net = ncnn.Net()
for name in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_storage"):
    setattr(net.opt, name, False)
if net.load_param(param) or net.load_model(weights):
    raise SystemExit(1)
extractor = net.create_extractor()
image = np.load(given)  # kept, since ncnn.Mat only points to it
extractor.input("in0", ncnn.Mat(image).clone())
code, found = extractor.extract("out0")
if code:
    raise SystemExit(1)
np.save(made, np.array(found))
"""
