"""Network interpolation (ESRGAN, Wang et al. 2018, arXiv:1809.00219, section 3.4): between two networks, by weights.

    theta = (1 - alpha) * theta_A + alpha * theta_B

A was trained for PSNR and B for perceived quality. alpha trades one for the other, without further training.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from srlab.commands.evaluation import measured
from srlab.config.check_overrides import check_overrides
from srlab.config.compose import composed
from srlab.config.parse import parse
from srlab.config.schema import EvaluateConfig
from srlab.errors import SrlabError
from srlab.evaluation.interpolation_curve import draw_curve
from srlab.methods import METHODS, find_method
from srlab.methods.loading import load_checkpoint, load_weights
from srlab.methods.super_resolver import SuperResolver
from srlab.weights.checkpoint import is_checkpoint, write_checkpoint
from srlab.weights.files import read_file
from srlab.weights.interpolation import interpolated_state

OUT = Path("runs/interpolation")
NETWORK_KEYS = ("model", "scale")  # options that say what bare weights are of; the others are for an evaluation
OWN_KEYS = ("ckpt", "weights", "weights.network", "out")  # options of evaluate.py that are given otherwise here


@dataclass(frozen=True)
class Request:
    """What to make of A and B.

    Attributes:
        alphas: sorted, each once, from 0 (A) to 1 (B).
        out: a .ckpt file, or a folder for several.
        options: of an evaluation, as the command line of evaluate.py takes them.
    """

    alphas: list[float]
    out: Path = OUT
    options: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, alpha: str, out: str | None, options: list[str]) -> "Request":
        """Returns the request that the words of a command line make.

        Args:
            alpha: a number, or a list such as [0,0.5,1].
            out: a path; None for runs/interpolation.
            options: words such as sets=[set5].

        Raises:
            SrlabError: alpha is no number from 0 to 1, or the words do not go together.
        """
        request = cls(_alphas(alpha), OUT if out is None else Path(out), options)
        _check(request)
        return request

    def path(self, alpha: float) -> Path:
        """Returns OUT itself where it is a file's name, else a file in it."""
        return self.out if self.out.suffix == ".ckpt" else self.out / f"alpha_{alpha:g}.ckpt"

    @property
    def evaluates(self) -> bool:
        return any(word.startswith("sets=") for word in self.options)


def _alphas(text: str) -> list[float]:
    try:
        values = [float(part) for part in text.removeprefix("[").removesuffix("]").split(",")]
    except ValueError:
        values = [math.nan]
    if not all(0 <= value <= 1 for value in values):
        raise SrlabError(f"alpha={text}: expected a number from 0 (A) to 1 (B), or a list such as [0,0.5,1].")
    return sorted(set(values))


def _check(request: Request) -> None:
    is_file = request.out.suffix == ".ckpt"
    if is_file and (request.evaluates or len(request.alphas) > 1):
        raise SrlabError(f"{request.out}: there are several files to write. Give a folder.")
    for word in request.options:
        key = word.partition("=")[0]
        if key in OWN_KEYS:
            raise SrlabError(f"{word}: here the weights are A and B, and what is written goes to OUT. Leave it out.")
        if not request.evaluates and key.partition(".")[0] not in NETWORK_KEYS:
            raise SrlabError(f"{word}: is for an evaluation, which needs sets=, such as sets=[set5].")
    check_overrides(request.options, EvaluateConfig)


def run(first: Path, second: Path, request: Request) -> list[Path]:
    """Writes the networks between two; with sets= among the options, evaluates them and draws their curve.

    Args:
        first: A: a checkpoint, or weights.
        second: B.
        request: what to make of them.

    Returns:
        The paths of all files that were announced.

    Raises:
        SrlabError: the networks differ, a file is neither a checkpoint nor weights, or OUT is one of A and B.
    """
    config = parse(composed("evaluate", request.options), EvaluateConfig)
    a, b = load_ends(first, second, config)
    files = {alpha: request.path(alpha) for alpha in request.alphas}
    for path in files.values():
        if path.resolve() in (first.resolve(), second.resolve()):
            raise SrlabError(f"{path}: would be overwritten. Choose another OUT.")
    labels = {}
    for alpha, path in files.items():
        blend = interpolated(a, b, alpha)
        labels[blend.label] = alpha
        origin = {"a": str(first), "b": str(second), "alpha": alpha}
        write_checkpoint(path, blend.key, blend.hparams, blend.state_dict(), interpolation=origin)
        print(f"written: {path}")
    written = list(files.values())
    if request.evaluates:
        given = [str(path) for path in written]
        config = replace(config, ckpt=given, model=None, out=str(request.out))
        written.append(evaluate_curve(config, labels, (a.label, b.label)))
    return written


def load_ends(first: Path, second: Path, config: EvaluateConfig) -> tuple[SuperResolver, SuperResolver]:
    """Loads both networks, each with the weights that are evaluated.

    Args:
        first: A. A file of bare weights is of the network that the other file, a checkpoint, has, or of config.model.
        second: B, likewise.
        config: of an evaluation.

    Returns:
        Two methods with networks of one class and the same arguments.

    Raises:
        SrlabError: the networks differ, or it is not known what bare weights are of.
    """
    loaded = [load_checkpoint(path) if is_checkpoint(read_file(path)) else None for path in (first, second)]
    if all(loaded) and config.model is not None:
        raise SrlabError(f"model={config.model.name}: A and B are checkpoints, which know their method. Leave it out.")
    a, b = (
        method or _of_bare_weights(path, other, config)
        for path, method, other in zip((first, second), loaded, reversed(loaded), strict=True)
    )
    _check_same_network(a, b, first, second)
    return a, b


def _of_bare_weights(path: Path, other: SuperResolver | None, config: EvaluateConfig) -> SuperResolver:
    if config.model is not None:
        method = find_method(config.model.method)(config.model.network, _recipe(config.model.name))
    elif other is not None:
        method = type(other)(other.hparams["network"])
    else:
        raise SrlabError(f"{path}: bare weights do not say of which network. Say model=NAME, and scale=N.")
    load_weights(method, path)
    return method.eval()


def _check_same_network(a: SuperResolver, b: SuperResolver, first: Path, second: Path) -> None:
    if a.Network is not b.Network:
        raise SrlabError(f"{first} is {a.key} and {second} is {b.key}: there is nothing between different networks.")
    ours, theirs = (method.with_defaults(method.hparams["network"]) for method in (a, b))
    differing = [f"{key} is {ours[key]} and {theirs.get(key)}" for key in ours if ours[key] != theirs.get(key)]
    if differing:
        raise SrlabError(f"{first} and {second} are different networks, with nothing between: {'; '.join(differing)}.")


def interpolated(a: SuperResolver, b: SuperResolver, alpha: float) -> SuperResolver:
    """Returns the blend of two networks of the same class and arguments.

    Its method is the first in the list of methods that has such a network: for SRResNet and SRGAN it is SRResNet, since
    a blend has no discriminator. Its label is made of both and alpha, such as srresnet-srgan_0.8.

    Args:
        a: the network at alpha 0, reproduced to the bit.
        b: the network at alpha 1, likewise.
        alpha: from 0 to 1.
    """
    method = next(known for known in METHODS.values() if known.Network is a.Network)
    ends = dict.fromkeys((a.label, b.label))
    scales = (a.hparams["recipe"] or {}).get("scales")
    blend = method(a.hparams["network"], _recipe(f"{'-'.join(ends)}_{alpha:g}", scales))
    first, second = (end.inference_network.state_dict() for end in (a, b))
    blend.network.load_state_dict(interpolated_state(first, second, alpha))
    return blend.eval()


def _recipe(name: str, scales: Sequence[int] | None = None) -> dict[str, Any]:
    """Returns the recipe of a network that was not trained. scales: those to evaluate, if not all of the network's."""
    return {"name": name, "loss": {}, "ema": 0.0, "scales": scales}


def evaluate_curve(config: EvaluateConfig, alphas: Mapping[str, float], ends: tuple[str, str]) -> Path:
    """Measures config.ckpt and writes results and OUT/curve.png.

    Args:
        config: of an evaluation.
        alphas: by the methods' labels.
        ends: labels of the networks at 0 and at 1.

    Returns:
        The path of curve.png.
    """
    rows = measured(config)
    path = Path(config.out) / "curve.png"
    draw_curve(rows, alphas, ends, path)
    print(f"written: {path}")
    return path
