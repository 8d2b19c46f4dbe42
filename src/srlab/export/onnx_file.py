"""`srlab export CKPT OUT.onnx`: a network as an ONNX file."""

from dataclasses import dataclass
from pathlib import Path

from srlab.atomic_write import atomic_write
from srlab.errors import SrlabError
from srlab.export.metadata import metadata_of
from srlab.export.parity import check_parity, onnx_runtime, smallest_side
from srlab.export.program import OPSET, Values, onnx_model
from srlab.networks.network import SRNetwork


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        files: of the network.
        deviation: from PyTorch, as `check_parity` returns it.
        facts: what the file says of the network.
    """

    files: tuple[Path, ...]
    deviation: float
    facts: dict[str, str]


def export_onnx(
    network: SRNetwork,
    scale: int,
    label: str,
    path: Path,
    values: Values = "float",
    opset: int = OPSET,
) -> Exported:
    """Writes a network as an ONNX file, after ONNX Runtime has given what PyTorch gives, at two sizes.

    Args:
        network: in eval mode, float32, on the CPU; folded or not.
        scale: one of its scales.
        label: what it is called in the file and in messages.
        path: of the file, which appears whole or not at all.
        values: float or uint8 images.
        opset: version of ONNX's operators.

    Raises:
        SrlabError: the network cannot be exported, differs from PyTorch, or the file cannot be written.
    """
    model = onnx_model(network, scale, label, values, opset)
    run = onnx_runtime(model.SerializeToString())
    deviation = check_parity(run, network, scale, str(path), values)
    facts = metadata_of(network, scale, label, values)
    facts["smallest_side"] = str(smallest_side(run, network, scale, label, values))
    for key, text in facts.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, text
    try:
        with atomic_write(path) as partial:
            partial.write_bytes(model.SerializeToString())
    except OSError as error:
        raise SrlabError(f"{path}: cannot be written ({error.strerror}). Choose another OUT.") from None
    return Exported((path,), deviation, facts)
