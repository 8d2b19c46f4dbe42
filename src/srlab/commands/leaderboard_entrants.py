"""Who takes part in a leaderboard: interpolation, the networks that come with srlab, and those of the user."""

import itertools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from srlab.commands.evaluation import run_or_file
from srlab.config.compose import composed
from srlab.config.folder import CONF
from srlab.config.parse import parse
from srlab.config.schema import EvaluateConfig
from srlab.data import checksums
from srlab.errors import SrlabError, nearest
from srlab.evaluation.board_file import Board, Measured
from srlab.evaluation.leaderboard import REFERENCE, Entrant
from srlab.evaluation.published import published_sizes
from srlab.evaluation.weights_folder import method_with, read_weights
from srlab.methods import interpolation
from srlab.methods.loading import load_checkpoint
from srlab.weights import zoo
from srlab.weights.checkpoint import is_checkpoint
from srlab.weights.files import read_file

CLASSICAL = ("bicubic", "lanczos")


def entrants_of(only: Sequence[str] | None, methods: Sequence[str], scales: Sequence[int]) -> list[Entrant]:
    """Returns the methods in the order of the tables; `labelled` gives them different labels.

    Args:
        only: names among CLASSICAL and those of the zoo; None for all of them.
        methods: paths of runs, checkpoints and files of weights, or pretrained:NAME.
        scales: those to measure. Methods that have none of them are left out.

    Raises:
        SrlabError: an unknown name, a scale below 2, a file that cannot be read, a method that must be told how LR
            images were blurred, or nothing is left.
    """
    for scale in scales:
        if scale < 2:
            raise SrlabError(f"scales={scale}: expected 2, 3, 4 or more.")
    known = [*CLASSICAL, *zoo.names()]
    for name in only or ():
        if name not in known:
            raise SrlabError(f"only={name}: expected some of {', '.join(known)}.{nearest(name, known)}")
    chosen = known if only is None else [name for name in known if name in only]
    found = [*_shipped(chosen, scales), *(entrant for text in methods for entrant in _own(text, scales))]
    entrants = [replace(e, scales=tuple(s for s in scales if s in e.scales)) for e in found]
    for entrant in entrants:
        if entrant.method.traits.condition_length is not None:
            raise SrlabError(
                f"methods={entrant.origin}: {entrant.label} must be told how LR images were blurred. Leave it out; "
                f"srlab evaluate measures it with data.degradation=NAME."
            )
    if not any(entrant.scales for entrant in entrants):
        raise SrlabError(f"scales={list(scales)}: no method that was asked for has any of them. Choose others.")
    return [entrant for entrant in entrants if entrant.scales]


def _shipped(chosen: Sequence[str], scales: Sequence[int]) -> Iterator[Entrant]:
    for name in chosen:
        if name in CLASSICAL:
            yield Entrant(name, "", interpolation(name), tuple(scales), "")
        else:
            yield _of_checkpoint(zoo.path(name), f"{zoo.PREFIX}{name}")


def _own(text: str, scales: Sequence[int]) -> list[Entrant]:
    """The method of a file; several where bare weights are of a network for each scale."""
    path = zoo.located(str(Path(text).expanduser()) if not text.startswith(zoo.PREFIX) else text)
    if is_checkpoint(read_file(path)):
        return [_of_checkpoint(path, text)]
    return _of_bare_weights(path, text, scales)


def _of_checkpoint(path: Path, origin: str) -> Entrant:
    method = load_checkpoint(path)
    trained = (method.hparams["recipe"] or {}).get("scales") or method.traits.scales or (2, 3, 4)
    return Entrant(method.label, origin, method, tuple(trained), checksums.of_file(path), run_or_file(path))


def _of_bare_weights(path: Path, origin: str, scales: Sequence[int]) -> list[Entrant]:
    """Looks among the models of conf/ that are called like the network for the one of this size."""
    weights = read_weights(path)
    names = sorted(file.stem for file in (CONF / "model").glob(f"{weights.network}*.yaml"))
    found = []
    for scale in scales:
        for name in names:
            config = parse(composed("evaluate", [f"model={name}", f"scale={scale}"]), EvaluateConfig).model
            assert config is not None
            method = method_with(weights, config.method, config.network, scale, published_sizes(name, scale))
            if method is not None:
                found.append(Entrant(name, origin, method, (scale,), checksums.of_file(path), run_or_file(path)))
                break
    if not found:
        raise SrlabError(
            f"methods={origin}: holds {weights}, which is no published network at x{', x'.join(map(str, scales))}. "
            f"Its scale may be missing in the file's name (NAME_x2.pt); or srlab convert it into a checkpoint."
        )
    return found


def labelled(entrants: Sequence[Entrant], board: Board) -> list[Entrant]:
    """Gives methods different labels: the method's own; its run or file is added where that is taken, then a number.

    Args:
        entrants: the methods.
        board: what was measured earlier. A method keeps the label that it has there, and takes none of another's.
    """
    taken = {(REFERENCE, scale) for entrant in entrants for scale in entrant.scales}
    unique = []
    for entrant in entrants:
        free = next(name for name in _labels(entrant, board) if _is_free(name, entrant, board, taken))
        taken |= {(free, scale) for scale in entrant.scales}
        unique.append(replace(entrant, label=free))
    return unique


def _labels(entrant: Entrant, board: Board) -> Iterator[str]:
    """Labels for a method, the best first."""
    if entrant.origin:
        yield from (entry.row.method for entry in board.entries if _same(entry, entrant))
    yield entrant.label
    yield f"{entrant.label} ({entrant.source})"
    yield from (f"{entrant.label} #{number}" for number in itertools.count(2))


def _is_free(name: str, entrant: Entrant, board: Board, taken: Collection[tuple[str, int]]) -> bool:
    own = {(name, scale) for scale in entrant.scales}
    others = {(entry.row.method, entry.row.scale) for entry in board.entries if not _same(entry, entrant)}
    return own.isdisjoint(taken) and own.isdisjoint(others)


def _same(entry: Measured, entrant: Entrant) -> bool:
    """Whether a row is of this method: of the same run or file, which may have changed, or of the same weights."""
    return entry.origin == entrant.origin or (bool(entry.weights) and entry.weights == entrant.weights)
