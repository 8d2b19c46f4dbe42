"""Cards: what is known of a network that comes with srlab."""

from dataclasses import dataclass
from pathlib import Path

import yaml


@dataclass(frozen=True)
class Data:
    """A set of training images.

    Attributes:
        set: its name in `srlab data list`.
        terms: under which its images may be used.
    """

    set: str
    terms: str


@dataclass(frozen=True)
class Training:
    """How long it took, and on what.

    Attributes:
        steps: of the optimizer.
        seconds: from the first step to the last, validation included.
        hardware: the machine.
        precision: as trainer.precision names it.
        version: of srlab.
        commit: of srlab.
    """

    steps: int
    seconds: float
    hardware: str
    precision: str
    version: str
    commit: str


@dataclass(frozen=True)
class Result:
    """A set at a scale, under the card's protocol.

    Attributes:
        set: its name.
        scale: of the super-resolution.
        psnr: in dB.
        ssim: mean over the images.
        measured: the weights that were measured: those of the file, or those of the run before they were rounded.
    """

    set: str
    scale: int
    psnr: float
    ssim: float
    measured: str


@dataclass(frozen=True)
class Card:
    """A network that comes with srlab.

    Attributes:
        name: pretrained:NAME.
        about: in a sentence.
        model: as model= names it.
        scales: that it was trained on.
        protocol: of the results.
        parameters: trainable ones.
        multiply_adds: by scale, for an output of 1280 x 720.
        dtype: of the filters in the file, float16 or float32.
        bytes: of the file.
        sha256: of the file.
        rounding: by scale, PSNR on Set5 of the file minus that of the run's float32 weights, in dB.
        command: that trains it again; the paths are the reader's.
        training: how long it took.
        data: the training images.
        results: the benchmarks; the set "set5 without woman" leaves that image out.
        notes: what else to know.
    """

    name: str
    about: str
    model: str
    scales: tuple[int, ...]
    protocol: str
    parameters: int
    multiply_adds: dict[int, int]
    dtype: str
    bytes: int
    sha256: str
    rounding: dict[int, float]
    command: str
    training: Training
    data: tuple[Data, ...]
    results: tuple[Result, ...]
    notes: tuple[str, ...]

    def psnr(self, name: str, scale: int) -> float:
        """Returns the PSNR on a set at a scale. Raises KeyError where it was not measured."""
        return {(row.set, row.scale): row.psnr for row in self.results}[name, scale]


def read_card(path: Path) -> Card:
    """Reads a card. Raises TypeError or KeyError for one that lacks a key or has one too many."""
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    return Card(
        **{
            **content,
            "scales": tuple(content["scales"]),
            "training": Training(**content["training"]),
            "data": tuple(Data(**item) for item in content["data"]),
            "results": tuple(Result(**item) for item in content["results"]),
            "notes": tuple(content["notes"]),
        }
    )
