"""`srlab export CKPT OUT`: a network for programs that have no PyTorch.

    srlab export runs/demo demo.onnx
    srlab export pretrained:edsr_baseline_x2 edsr.onnx input=uint8
    srlab export pretrained:vdsr vdsr.onnx scale=3
    srlab export pretrained:srresnet_x4 srresnet.ncnn.param

OUT.onnx takes images of any size. It is computed by ONNX Runtime at two sizes, and kept only where that gives what
PyTorch gives. OUT.ncnn.param, with OUT.ncnn.bin beside it, is for ncnn, and checked by ncnn in the same way.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from srlab.commands.arguments import Option, Place, Tool, path, yes_or_no
from srlab.console import reported
from srlab.errors import SrlabError

ONNX, NCNN = ".onnx", ".ncnn.param"


def main(words: Sequence[str] | None = None) -> int:
    with reported():
        return TOOL.main(words)


def _export(values: dict[str, Any]) -> None:
    out: Path = values["out"]
    if not out.name.endswith((ONNX, NCNN)):
        raise SrlabError(f"{out}: expected a name that ends in {ONNX} or {NCNN}.")
    if out.is_dir():
        raise SrlabError(f"{out}: is a folder; expected a file.")
    if not out.parent.is_dir():
        raise SrlabError(f"{out}: there is no folder {out.parent}.")
    ncnn = out.name.endswith(NCNN)
    if ncnn and (values["input"] != "float" or values["opset"] is not None):
        given = "input=uint8" if values["input"] != "float" else f"opset={values['opset']}"
        raise SrlabError(f"{given}: is for {ONNX}; ncnn takes float images and has no opset.")
    from srlab.extras import require_extra  # noqa: PLC0415 - --help answers at once

    require_extra("ncnn" if ncnn else "export", str(out))
    print(_written(values, out, ncnn))


def _written(values: dict[str, Any], out: Path, ncnn: bool) -> str:
    from srlab.export.ncnn_files import export_ncnn  # noqa: PLC0415 - imports PyTorch: --help answers at once
    from srlab.export.onnx_file import export_onnx  # noqa: PLC0415
    from srlab.export.parity import describe  # noqa: PLC0415
    from srlab.export.program import OPSET, OPSETS, check_exportable  # noqa: PLC0415
    from srlab.inference.folding import folded  # noqa: PLC0415
    from srlab.inference.loading import load  # noqa: PLC0415
    from srlab.weights import zoo  # noqa: PLC0415

    opset = OPSET if values["opset"] is None else values["opset"]
    if opset not in OPSETS:
        raise SrlabError(f"opset={opset}: expected {OPSETS.start} to {OPSETS.stop - 1}.")
    loaded = load(values["ckpt"], values["scale"])
    # SRCNN's weights, for one, do not show the scale that they were trained for; the card does.
    trained = zoo.card(loaded.label).scales if loaded.label in zoo.names() else loaded.scales
    network, scale = loaded.network, _scale(trained, values["scale"], loaded.label)
    check_exportable(network, loaded.label)
    if values["fold"]:
        network = folded(network)
    if ncnn:
        exported = export_ncnn(network, scale, loaded.label, out)
        checked, kind = "ncnn", "ncnn"
    else:
        exported = export_onnx(network, scale, loaded.label, out, values["input"], opset)
        checked, kind = "ONNX Runtime", f"ONNX opset {opset}"
    facts = exported.facts
    return "\n".join(
        [
            f"{' and '.join(map(str, exported.files))}: {loaded.label} x{scale}, {kind}, checked by {checked}: "
            f"differs from PyTorch by {describe(exported.deviation, values['input'])}",
            f"  takes {facts['layout']} {facts['type']}, {facts['channels']} channels, {facts['colour']}",
            f"  {facts['range']}; sides of {facts['smallest_side']} pixels or more",
        ]
    )


def _scale(scales: Sequence[int] | None, asked: int | None, label: str) -> int:
    """Returns the one scale of the file: that of the network, or that which was asked for."""
    if asked is None:
        if scales is not None and len(scales) == 1:
            return scales[0]
        has = "any whole number" if scales is None else f"one of {', '.join(map(str, scales))}"
        raise SrlabError(f"{label}: has several scales, and a file has one. Say scale=: {has}.")
    if asked < 1 or (scales is not None and asked not in scales):
        has = "1 or more" if scales is None else ", ".join(map(str, scales))
        raise SrlabError(f"scale={asked}: {label} has {has}.")
    return asked


TOOL = Tool(
    name="srlab export",
    about=str(__doc__),
    places=(
        Place("CKPT", "a checkpoint, a run's folder, weights, or pretrained:NAME"),
        Place("OUT", "a file that ends in .onnx or .ncnn.param"),
    ),
    options=(
        Option("scale", "of the file, where the network has several", int),
        Option("input", "type of the images, and of the result", choices=("float", "uint8"), default="float"),
        Option("opset", "version of ONNX's operators, 18 to 23; 20 where it is not said", int),
        Option("fold", "whether constants are folded into convolutions first", yes_or_no, default=True),
    ),
    run=lambda values: _export({**values, "out": path(values["out"])}),
)
