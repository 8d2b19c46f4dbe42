"""`srlab weights verify`: files against their cards."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from srlab.commands.shipped_weights import SET
from srlab.data.catalog import find_set, folder_of
from srlab.data.evaluation_sets import evaluation_sets
from srlab.data.image_sets import ImageSet
from srlab.evaluation.measure import EvaluationSettings, evaluate
from srlab.methods.loading import load_checkpoint
from srlab.metrics.protocol import protocol
from srlab.weights import zoo
from srlab.weights.zoo.card import Card

CLOSE = 0.01  # dB by which a measurement may differ from the card: other processors round differently


def verify(chosen: Sequence[str], root: Path) -> bool:
    """Compares files with their cards, prints a line for each, and returns whether all are as they should be.

    Args:
        chosen: names; none for all.
        root: the folder of all sets; without Set5 there, hashes alone are compared.

    Raises:
        SrlabError: an unknown name.
    """
    cards = [zoo.card(name) for name in chosen or zoo.names()]
    there = folder_of(find_set(SET), root) is not None
    image_set = evaluation_sets([SET], root, "bicubic", False)[0] if there else None
    if image_set is None:
        print(f"{root}: has no Set5, so only the hashes are compared. Say data.root=DIR to measure too.")
    wrong = False
    for card in cards:
        problems, numbers = _compared(card, image_set)
        wrong |= bool(problems)
        print(f"{card.name}: {'; '.join(problems or ['as its card says', *numbers])}", flush=True)
    return not wrong


def _compared(card: Card, image_set: ImageSet | None) -> tuple[list[str], list[str]]:
    """Returns what is wrong with a file, and what was measured."""
    file = zoo.path(card.name)
    if hashlib.sha256(file.read_bytes()).hexdigest() != card.sha256:
        return [f"{file} is not the file of the card. Install srlab again"], []
    if image_set is None:
        return [], []
    method, problems, numbers = load_checkpoint(file), [], []
    settings = EvaluationSettings(protocol(card.protocol))
    for row in evaluate([(card.name, method)], [image_set], list(card.scales), settings):
        expected = card.psnr(SET, row.scale)
        numbers.append(f"x{row.scale} {row.psnr:.3f} dB on Set5")
        if not abs(row.psnr - expected) <= CLOSE:  # NaN, too
            problems.append(f"x{row.scale} gives {row.psnr:.3f} dB on Set5, and the card says {expected:.3f}")
    return problems, numbers
