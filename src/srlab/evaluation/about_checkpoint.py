"""What is known of a checkpoint's network, from the files beside it: a run's results and configuration, or a card."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from srlab.data.catalog import known_set
from srlab.evaluation.results import read_json
from srlab.finite import from_json
from srlab.plain_files import read_plain_yaml
from srlab.plain_schema import check, list_of, optional, record, text
from srlab.run_files import CHECKPOINTS, RunFiles
from srlab.weights import zoo
from srlab.weights.about import About, Images, Row
from srlab.weights.checkpoint import is_checkpoint
from srlab.weights.checkpoint_schema import check_checkpoint
from srlab.weights.files import read_file
from srlab.weights.packed import ABOUT

UNKNOWN_TERMS = "not on record"
# data.kind -> the sets that a run of it is trained on, where data.train does not say it
OF_KINDS = {"div2k": ["div2k_train"], "sample": ["sample"]}
CONFIG = record({}, {"data": optional(record({}, {"train": optional(list_of(text())), "kind": optional(text())}))})
SAMPLE = Images("sample", "generated images, and photos that come with scikit-image")


def about_checkpoint(path: Path) -> About | None:
    """Returns what is known of a network.

    Args:
        path: of a run's checkpoint, of a network that comes with srlab, or of a .safetensors file that has it inside.

    Returns:
        What was found; None where there is nothing.

    Raises:
        SrlabError: the file cannot be read, or is a checkpoint with an entry that is none.
    """
    if path.parent == zoo.FOLDER:
        return _of_card(path.stem)
    if path.parent.name == CHECKPOINTS:
        run = RunFiles(path.parents[1])
        found = About(_rows(run), _images(run))
        return found if found != About() else None
    content = read_file(path)
    if not is_checkpoint(content):
        return None
    check_checkpoint(content, path)
    return About.of_plain(content[ABOUT]) if ABOUT in content else None


def _of_card(name: str) -> About:
    card = zoo.card(name)
    rows = (Row(row.set, row.scale, card.protocol, row.psnr, row.ssim) for row in card.results)
    return About(tuple(rows), tuple(Images(data.set, data.terms) for data in card.data), card.notes)


def _rows(run: RunFiles) -> tuple[Row, ...]:
    """The run's own rows of results.json, where it has their PSNR; the others are interpolation."""
    if not run.is_finished:
        return ()
    rows: list[dict[str, Any]] = [row for row in read_json(run.results)["rows"] if row["method"] != "bicubic"]
    return tuple(
        Row(
            row["set"],
            row["scale"],
            row["protocol"],
            from_json(row["psnr"]),
            from_json(row["ssim"]) if "ssim" in row else None,
        )
        for row in rows
        if "psnr" in row
    )


def _images(run: RunFiles) -> tuple[Images, ...]:
    """The sets of the run's configuration; a folder of somebody's is called by its last name alone."""
    if not run.is_run:
        return ()
    advice = "It should be the configuration of a run, as train.py writes it."
    content = read_plain_yaml(run.config, advice)
    check(content, CONFIG, run.config, advice)
    data = content.get("data") or {}
    names: Sequence[str] = data.get("train") or OF_KINDS.get(data.get("kind") or "", [])
    return tuple(SAMPLE if name == SAMPLE.set else _images_of(name) for name in names)


def _images_of(name: str) -> Images:
    known = known_set(name)
    return Images(Path(name).name, UNKNOWN_TERMS) if known is None else Images(known.name, known.licence)
