"""A network as an ONNX program that takes images of any height and width, any number at a time."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn

from srlab.errors import SrlabError
from srlab.extras import require_extra
from srlab.networks import NETWORKS
from srlab.networks.network import SRNetwork

Values = Literal["float", "uint8"]
IMAGE, CONDITION, RESULT = "lr", "condition", "sr"  # names of the inputs and of the output
OPSET = 20
OPSETS = range(18, 24)  # that the exporter writes
RECORDED = (2, 20, 28)  # images, height and width of what the exporter sees; made multiples of the size multiple
ANY_CHANNELS = 3  # what a network that takes every channel by itself is exported for

# Networks whose computation has another shape for every size of image, so that no one program holds for all.
REASONS = {
    "selfexsr": "it searches the image itself by a program of numba, and has no network",
    "aplus": "it gathers the regressors of a few thousand patches at a time, so often as the image has patches",
    "san": "PyTorch's exporter fixes the number of images where its attention splits an image into quarters",
    "csnln": "it compares all pixels with all others in parts, whose number depends on the size of the image",
}


class Program(nn.Module):
    """A network at one scale, as a program of the image alone.

    Args:
        network: at rest in eval mode.
        scale: one of its scales.
        values: of the image and of the result. float: in [0, 1], and the result as the network gives it, not clamped;
            uint8: 0..255, and the result is clamped and rounded.
    """

    def __init__(self, network: SRNetwork, scale: int, values: Values = "float") -> None:
        super().__init__()
        self.network, self.scale, self.values = network, scale, values
        self.train(network.training)

    def forward(self, lr: Tensor, condition: Tensor | None = None) -> Tensor:
        """(N, C, h, w) -> (N, C, scale * h, scale * w)."""
        if self.values == "float":
            return self.network(lr, self.scale, condition)
        sr = self.network(lr.to(torch.float32) / 255, self.scale, condition)
        return (sr.clamp(0, 1) * 255).round().to(torch.uint8)


def channels_of(network: SRNetwork) -> int:
    """Returns the channels of the images that an exported network takes."""
    return network.traits.channels or ANY_CHANNELS


def random_inputs(network: SRNetwork, values: Values, images: int, height: int, width: int) -> tuple[Tensor, ...]:
    """Returns random inputs: images (N, C, h, w), and what the network needs beside them.

    Args:
        network: whose channels, size multiple and condition they have.
        values: of the images.
        images: how many.
        height: of the images; it is rounded up to the network's size multiple.
        width: see `height`.
    """
    multiple, generator = network.traits.size_multiple, torch.Generator().manual_seed(height * width)
    shape = (images, channels_of(network), *(-(-side // multiple) * multiple for side in (height, width)))
    lr = torch.rand(shape, generator=generator)
    if values == "uint8":
        lr = (lr * 255).round().to(torch.uint8)
    length = network.traits.condition_length
    return (lr,) if length is None else (lr, torch.rand(images, length, generator=generator) / length)


def check_exportable(network: SRNetwork, label: str) -> None:
    """Raises SrlabError for a network that is known not to be one program for all sizes; the message says why."""
    name = next((name for name, kind in NETWORKS.items() if kind is type(network)), None)
    if name in REASONS:
        raise SrlabError(f"{label}: {name} cannot be exported: {REASONS[name]}.")


def onnx_model(network: SRNetwork, scale: int, label: str, values: Values = "float", opset: int = OPSET) -> Any:
    """Returns a network as an ONNX program.

    Args:
        network: in eval mode, float32, on the CPU.
        scale: one of its scales.
        label: what it is called in messages.
        values: of images; see `Program`.
        opset: version of ONNX's operators, one of OPSETS.

    Returns:
        An onnx.ModelProto. The input "lr" is (N, C, h, w) with N, h and w free; networks that are told of the
        degradation have a second one, "condition", (N, length). The output is "sr".

    Raises:
        SrlabError: the extra is not installed, or the network cannot be one program for all sizes.
    """
    require_extra("export", "export")
    check_exportable(network, label)
    inputs = random_inputs(network, values, *RECORDED)
    batch, height, width = (torch.export.Dim(name) for name in ("batch", "height", "width"))
    free = ({0: batch, 2: height, 3: width}, *({0: batch} for _ in inputs[1:]))
    with _quiet():
        try:
            program = torch.onnx.export(
                Program(network, scale, values),
                inputs,
                dynamo=True,
                dynamic_shapes=free,
                input_names=[IMAGE, CONDITION][: len(inputs)],
                output_names=[RESULT],
                opset_version=opset,
                verbose=False,
            )
        except (torch.onnx.errors.OnnxExporterError, RuntimeError) as error:
            raise SrlabError(f"{label}: cannot be exported: {_first_cause(error)}") from error
    assert program is not None
    model = program.model_proto
    _forget_origins(model)
    _check_sizes_are_free(model, label)
    return model


def _forget_origins(model: Any) -> None:
    """Removes from every operator where in whose files it comes from, which is most of a small program."""
    for node in model.graph.node:
        node.ClearField("metadata_props")
        node.ClearField("doc_string")
    for function in model.functions:
        for node in function.node:
            node.ClearField("metadata_props")


def _check_sizes_are_free(model: Any, label: str) -> None:
    """The exporter fixes a size, without an error, where a network's own code reads it."""
    sides = model.graph.input[0].type.tensor_type.shape.dim
    fixed = [name for name, axis in (("number of images", 0), ("height", 2), ("width", 3)) if not sides[axis].dim_param]
    if fixed:
        raise SrlabError(f"{label}: cannot be exported: its program would hold for one {' and '.join(fixed)} only.")


def _first_cause(error: BaseException) -> str:
    """The first line of what PyTorch's exporter says went wrong beneath its own frames."""
    while error.__cause__ is not None:
        error = error.__cause__
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    return f"{type(error).__name__}: {line}" if line else type(error).__name__


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's remarks on its own insides, which it prints, logs and warns of."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
