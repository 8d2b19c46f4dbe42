"""A leaderboard: many methods on many sets at many scales, each measured once and kept in the results.json of a folder.

    entrant    a method, its label, the scales that it takes part in, and the hash of its weights
    board      what a folder holds; a second run measures only what it lacks

Every row is measured by `srlab.evaluation.measure.evaluate`, as evaluate.py's are.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from srlab.data.image_sets import ImageSet
from srlab.evaluation.board_file import Board, Measured, write_board
from srlab.evaluation.complexity import trainable_parameters
from srlab.evaluation.costs import machine, measure_cost
from srlab.evaluation.measure import EvaluationSettings, ResultRow, evaluate, saved_image
from srlab.evaluation.published import published, published_protocol
from srlab.imaging.files import read_image, write_png
from srlab.methods.super_resolver import SuperResolver
from srlab.metrics.metric import DEFAULT, Quality
from srlab.metrics.protocol import protocol

IMAGES = "images"  # within the folder of a leaderboard
REFERENCE = "HR"  # saved beside the results, as if it were a method's


@dataclass(frozen=True)
class Entrant:
    """A method that takes part.

    Attributes:
        label: in tables, and among published numbers.
        origin: such as pretrained:srcnn_x2, or a file; "" for interpolation.
        method: in eval mode.
        scales: those that it was trained on, or that were asked for.
        weights: the SHA-256 of the file; "" without one.
        source: its run or file in short, for the label where two would be the same.
    """

    label: str
    origin: str
    method: SuperResolver
    scales: tuple[int, ...]
    weights: str
    source: str = ""


@dataclass(frozen=True)
class Place:
    """What a row is to be about: an entrant on a set at a scale under one protocol.

    Attributes:
        entrant: the method.
        image_set: the images.
        scale: one of the entrant's.
        settings: how to measure; the images are saved where settings.save_images says so.
        images: the identity of the set's images at this scale, see `content_of`.
    """

    entrant: Entrant
    image_set: ImageSet
    scale: int
    settings: EvaluationSettings
    images: str

    @property
    def key(self) -> tuple[str, str, int, str]:
        """Method, set, scale, protocol."""
        return self.entrant.label, self.image_set.name, self.scale, self.settings.protocol.name

    def is_in(self, board: Board) -> bool:
        """Tells whether a board has the row, of the same weights and images, with all metrics, and its results."""
        entry = board.at(self.key)
        if entry is None or (entry.weights, entry.images) != (self.entrant.weights, self.images):
            return False
        wanted, folder = {meter.metric for meter in self.settings.meters}, self.settings.save_images
        has_images = folder is None or (
            entry.saved and all(path.is_file() for path in saved_images(folder, entry.row).values())
        )
        return wanted <= set(entry.row.metrics) and has_images

    def measured(self) -> Measured:
        """Measures the row."""
        method = [(self.entrant.label, self.entrant.method)]
        (row,) = evaluate(method, [self.image_set], [self.scale], self.settings)
        saved = self.settings.save_images is not None
        return Measured(row, self.entrant.origin, self.entrant.weights, self.images, saved)


def saved_images(folder: Path, row: ResultRow) -> dict[str, Path]:
    """Returns where the images of a row are saved, by their names in the set."""
    return {image: saved_image(folder, row.set, row.scale, image, row.method) for image in row.images}


def content_of(image_set: ImageSet, scale: int) -> str:
    """Returns a hash that changes with the names or the content of a set's images, HR, and LR files at a scale."""
    digest = hashlib.sha256()
    for picture in image_set.pictures:
        hr, lr = picture.read(), picture.lr_path(scale)
        digest.update(f"{picture.name} {hr.shape}".encode())
        digest.update(hr.tobytes())
        digest.update(lr.read_bytes() if lr is not None and lr.is_file() else b"made from HR")
    return digest.hexdigest()


def measure_board(
    board: Board, entrants: Sequence[Entrant], sets: Sequence[ImageSet], scales: Sequence[int],
    settings: EvaluationSettings, out: Path,
) -> Board:  # fmt: skip
    """Measures what a board lacks, and writes results.json after every row.

    Where a method's numbers in print are of another protocol, PSNR and SSIM are measured under that one too.

    Args:
        board: what the folder has.
        entrants: the methods.
        sets: the images.
        scales: an entrant takes part in those that it has.
        settings: how to measure.
        out: the folder.

    Returns:
        The board with all rows: those asked for in the order of sets, scales and entrants, and then the others.
    """
    for image_set in sets:
        for scale in scales:
            places = list(_places(entrants, image_set, scale, settings))
            lacking = [place for place in places if not place.is_in(board)]
            if settings.save_images is not None:  # before the results, which mean nothing without them
                _save_references(image_set, scale, settings, settings.save_images, anew=bool(lacking))
            for place in lacking:
                board = board.with_row(_with_earlier_metrics(place.measured(), board.at(place.key)))
                write_board(board, out)
                if place.settings is settings and settings.save_images is None:
                    _remove_images(out, board.entries[-1].row)
    for entrant, scale in ((entrant, scale) for scale in scales for entrant in entrants if scale in entrant.scales):
        if not board.has_cost(entrant.label, scale, entrant.weights, machine(settings)):
            board = board.with_cost(measure_cost(entrant.label, entrant.method, scale, settings, entrant.weights))
            write_board(board, out)
    board = board.ordered([entrant.label for entrant in entrants], [image_set.name for image_set in sets])
    write_board(board, out)
    return board


def _with_earlier_metrics(new: Measured, old: Measured | None) -> Measured:
    """Adds to a row what was measured of the same weights and images by other metrics."""
    if old is None or (old.weights, old.images) != (new.weights, new.images):
        return new
    names = {metric.name for metric in new.row.metrics}
    kept = tuple(metric for metric in old.row.metrics if metric.name not in names)
    images = {
        image: Quality({**values, **{metric.name: old.row.images[image][metric.name] for metric in kept}})
        for image, values in new.row.images.items()
    }
    return replace(new, row=replace(new.row, images=images, metrics=(*new.row.metrics, *kept)))


def _places(
    entrants: Sequence[Entrant], image_set: ImageSet, scale: int, settings: EvaluationSettings
) -> Iterator[Place]:
    images = content_of(image_set, scale)
    for entrant in entrants:
        if scale in entrant.scales:
            yield Place(entrant, image_set, scale, settings, images)
            other = protocol_in_print(entrant, image_set, scale, settings)
            if other is not None:
                plain = replace(settings, protocol=protocol(other), meters=DEFAULT, save_images=None)
                yield Place(entrant, image_set, scale, plain, images)


def protocol_in_print(entrant: Entrant, image_set: ImageSet, scale: int, settings: EvaluationSettings) -> str | None:
    """Returns the protocol of a method's numbers in print on this set, if it is another one; None otherwise."""
    parameters = trainable_parameters(entrant.method)
    name = published_protocol(entrant.label, [image_set.name])
    if name is None or published(entrant.label, parameters, settings.protocol.name, image_set.name, scale):
        return None
    return name if published(entrant.label, parameters, name, image_set.name, scale) else None


def _remove_images(out: Path, row: ResultRow) -> None:
    """Removes what an earlier run saved, which the new numbers are not of."""
    for path in saved_images(out / IMAGES, row).values():
        path.unlink(missing_ok=True)


def _save_references(image_set: ImageSet, scale: int, settings: EvaluationSettings, folder: Path, anew: bool) -> None:
    """Saves HR of every image. anew: those that are there, too."""
    for index, picture in enumerate(image_set.pictures):
        path = saved_image(folder, image_set.name, scale, picture.name, REFERENCE)
        if anew or not path.is_file():
            write_png(path, image_set.pair(index, scale, settings.protocol).hr)


def saved_reference(out: Path, image_set: str, scale: int, image: str) -> np.ndarray:
    """Reads HR of an image as the protocol crops it, which was saved beside the results: uint8 (H, W) or (H, W, 3).

    Args:
        out: the folder of the leaderboard.
        image_set: name of the set.
        scale: of the super-resolution.
        image: its name in the set.

    Raises:
        SrlabError: it is not there, or cannot be read.
    """
    return read_image(saved_image(out / IMAGES, image_set, scale, image, REFERENCE))
