"""Makes a study of evaluate.py's results: every image by every method, nearest, bicubic and HR, under opaque names."""

import hashlib
import platform
import secrets
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from srlab.atomic_write import atomic_folder
from srlab.config.schema import EvaluateConfig, MosConfig
from srlab.data.image_sets import ImageSet
from srlab.errors import SrlabError
from srlab.evaluation.measure import EvaluationSettings, ResultRow, evaluate, saved_image
from srlab.evaluation.results import as_json
from srlab.imaging.files import read_image, write_png
from srlab.methods import interpolation
from srlab.metrics.protocol import protocol
from srlab.mos.calibration import ENDS, calibration_images
from srlab.mos.plan import Candidate, opaque_names, plans
from srlab.mos.study import CALIBRATION, WORDS, Item, Rater, Study, Trial, image_path, open_study, write_study

ANCHORS = ("nearest", "bicubic")
HR = "HR"
PACKAGES = ("srlab", "torch", "numpy", "pillow")
Source = tuple[Item, np.ndarray | Path]


def check(config: EvaluateConfig) -> None:
    """Raises SrlabError, before anything is measured, for a configuration of which no study can be made."""
    out = Path(config.mos.out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise SrlabError(f"mos.out={out}: there is something already. Remove it, or choose another folder.")
    rules = protocol(config.protocol.name)
    if rules.method_sees == "luma":
        raise SrlabError(
            f"protocol={rules.name} sees luma only, and people rate colour images. Choose protocol=luma or rgb."
        )


def add_anchors(
    rows: list[ResultRow], sets: list[ImageSet], scales: list[int], settings: EvaluationSettings
) -> list[ResultRow]:
    """Returns the rows with nearest and bicubic before those of each set and scale, measured unless they are there."""
    methods = [(name, interpolation(name)) for name in ANCHORS]
    plain = replace(settings, ensemble=False, tile=None, precision="32")
    result = []
    for image_set in sets:
        for scale in scales:
            ours = [row for row in rows if (row.set, row.scale) == (image_set.name, scale)]
            there = {row.method.removesuffix("+") for row in ours}
            missing = [(name, method) for name, method in methods if name not in there]
            result += [*evaluate(missing, [image_set], [scale], plain), *ours]
    return result


def export(
    rows: list[ResultRow], sets: list[ImageSet], settings: EvaluationSettings, mos: MosConfig, facts: dict[str, Any]
) -> Study:
    """Writes the study's folder, whole or not at all.

    Args:
        rows: results, nearest and bicubic among them; their images are read from settings.save_images.
        sets: that were measured.
        settings: of the measurement.
        mos: options of the study.
        facts: what study.json is to say beside them, such as the checkpoints.

    Raises:
        SrlabError: the plan cannot be made, or the folder cannot be written.
    """
    out = Path(mos.out)
    sources = _named(list(_sources(rows, sets, settings)), mos.seed)
    raters = _raters({name: item for name, (item, _) in sources.items()}, mos)
    methods = tuple(dict.fromkeys([row.method for row in rows] + [HR]))
    results = [as_json(row) for row in rows]
    try:
        with atomic_folder(out) as partial:
            items = {name: _write(image_path(partial, name), source) for name, source in sources.items()}
            write_study(Study(partial, _facts(mos, settings, facts), methods, results, items, raters, ""))
    except OSError as error:
        raise SrlabError(f"mos.out={out}: cannot be written ({error.strerror}). Choose another folder.") from None
    return open_study(out)


def _sources(rows: list[ResultRow], sets: list[ImageSet], settings: EvaluationSettings) -> Iterator[Source]:
    """Yields every image of the study and where it comes from. Hashes are filled in when the files are written."""
    assert settings.save_images is not None
    by_name = {image_set.name: image_set for image_set in sets}
    for row in rows:
        for image in row.images:
            yield Item(row.set, row.scale, image, row.method, ""), _saved(settings, row, image)
    for place in dict.fromkeys((row.set, row.scale) for row in rows):
        image_set = by_name[place[0]]
        for pair in image_set.pairs(place[1], settings.protocol):
            yield Item(*place, pair.name, HR, ""), pair.hr
    largest = max(row.scale for row in rows)
    for (photo, method), shown in calibration_images([image_set.name for image_set in sets], largest).items():
        yield Item(CALIBRATION, largest, photo, method, "", ENDS[method]), shown


def _saved(settings: EvaluationSettings, row: ResultRow, image: str) -> Path:
    """Returns where `evaluate` saved an image."""
    assert settings.save_images is not None
    return saved_image(settings.save_images, row.set, row.scale, image, row.method)


def _named(sources: list[Source], seed: int) -> dict[str, Source]:
    """Gives every image a random name. Sorted by name, so that the times of the files tell nothing either."""
    names = opaque_names(len(sources), seed, 1)
    order = np.random.default_rng([seed, 2]).permutation(len(sources))
    return {name: sources[index] for name, index in sorted(zip(names, order, strict=True))}


def _write(path: Path, source: Source) -> Item:
    """Writes a PNG file that holds pixels and nothing else, and returns the item with its hash."""
    item, image = source
    write_png(path, read_image(image) if isinstance(image, Path) else image)
    return replace(item, sha256=hashlib.sha256(path.read_bytes()).hexdigest())


def _raters(items: dict[str, Item], mos: MosConfig) -> tuple[Rater, ...]:
    """Plans the raters. Orders depend on the seed; tokens do not, or whoever knows it could rate for somebody else."""
    calibration = [name for name, item in items.items() if item.expected is not None]
    test = [
        Candidate(name, item.method, f"{item.set} x{item.scale} {item.image}")
        for name, item in items.items()
        if item.expected is None
    ]
    per_rater = len(test) if mos.per_rater is None else mos.per_rater
    if per_rater > len(test):
        raise SrlabError(f"mos.per_rater={per_rater}: the study has {len(test)} images. Choose at most that, or null.")
    orders = plans(calibration, test, mos.raters, per_rater, mos.repeats, mos.seed)
    ids = iter(opaque_names(sum(map(len, orders)), mos.seed, 3))
    return tuple(
        Rater(number, secrets.token_urlsafe(16), tuple(Trial(next(ids), name, kind) for name, kind in order))
        for number, order in enumerate(orders, 1)
    )


def _facts(mos: MosConfig, settings: EvaluationSettings, facts: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": secrets.token_hex(8),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": mos.seed,
        "versions": {name: version(name) for name in PACKAGES} | {"python": platform.python_version()},
        "protocol": {
            "measured": settings.protocol.name,
            "scale": {str(rating): word for rating, word in WORDS.items()},
            "raters": mos.raters,
            "per_rater": mos.per_rater,
            "repeats": mos.repeats,
            "calibration": ENDS,
            "order": "calibration first, then random; repeats at least a third of the session after the first showing",
        },
        **facts,
    }


def summary(study: Study) -> str:
    """Returns one line for the person who exports."""
    kinds = Counter(trial.kind for trial in study.raters[0].trials)
    return (
        f"written: {study.folder}, {len(study.items)} images by {len(study.methods)} methods "
        f"for {len(study.raters)} raters (each rates {kinds['calibration']} for calibration, {kinds['test']}, "
        f"and {kinds['repeat']} of them again); next: srlab mos serve {study.folder}"
    )
