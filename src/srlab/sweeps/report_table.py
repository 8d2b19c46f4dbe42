"""The table of a sweep's report: its numbers, and the numbers as text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from srlab import finite
from srlab.evaluation.text_tables import TextTable, csv_text, numbered_notes, used_columns
from srlab.sweeps.report_data import BICUBIC, Measured, Place, Results
from srlab.sweeps.report_rows import SweepRow
from srlab.sweeps.statistics import Difference, Spread, paired_difference, spread

COLUMNS = ("set", "scale", "row", "PSNR", "SSIM", "seeds", "difference", "published", "parameters", "s/image", "hours")
LEFT = ("set", "row")
PRECISE = ("set", "scale", "row", "protocol", "images", "seeds", "psnr", "psnr_std", "ssim", "ssim_std", "difference",
           "difference_low", "difference_high", "difference_seeds", "published_psnr", "published_ssim", "parameters",
           "seconds", "training_seconds", "remark")  # fmt: skip


@dataclass(frozen=True)
class Line:
    """A row of the sweep, or bicubic, on one set at one scale.

    Attributes:
        place: set and scale.
        label: of the row.
        protocol: the protocol's name.
        images: how many.
        psnr: mean and spread over seeds of the mean over images, in dB.
        ssim: likewise.
        seeds: how many; 0 for bicubic.
        difference: in PSNR to the reference row; None where there is none.
        is_reference: whether this is the reference row.
        published: {"psnr", "ssim"}, or None.
        parameters: trainable ones.
        seconds: of one image.
        training: seconds, the mean over seeds; None where it is not known.
        remark: on values that are not finite; '' where all are.
    """

    place: Place
    label: str
    protocol: str
    images: int
    psnr: Spread
    ssim: Spread
    seeds: int
    difference: Difference | None
    is_reference: bool
    published: dict[str, float | None] | None
    parameters: int
    seconds: float
    training: float | None
    remark: str = ""


def make_lines(rows: Sequence[SweepRow], reference: SweepRow) -> list[Line]:
    """Returns lines by set, in the order of results.json, then scale; bicubic comes first, then the rows."""
    finished = [row for row in rows if row.finished]
    lines: list[Line] = []
    for place in places_of(finished):
        bicubic = [
            b for row in finished for b in (_results(row, seed).bicubic.get(place) for seed in row.finished) if b
        ]
        if bicubic:
            lines.append(_line(place, BICUBIC, bicubic))
        lines += [_row_line(place, row, reference) for row in finished if measured_by_seed(row, place)]
    return lines


def places_of(rows: Sequence[SweepRow]) -> list[Place]:
    """Returns every (set, scale) that a row has, sets in the order of the first results.json."""
    places = dict.fromkeys(place for row in rows for seed in row.finished for place in _results(row, seed).own)
    sets = list(dict.fromkeys(name for name, _ in places))
    return sorted(places, key=lambda place: (sets.index(place[0]), place[1]))


def measured_by_seed(row: SweepRow, place: Place) -> dict[int, Measured]:
    """Returns what the finished runs of a row measured on one set at one scale."""
    found = {seed: _results(row, seed).own.get(place) for seed in row.finished}
    return {seed: measured for seed, measured in found.items() if measured is not None}


def _results(row: SweepRow, seed: int) -> Results:
    results = row.finished[seed].results
    assert results is not None
    return results


def _row_line(place: Place, row: SweepRow, reference: SweepRow) -> Line:
    ours = measured_by_seed(row, place)
    hours = [seconds for seed in ours if (seconds := _results(row, seed).training) is not None]
    return _line(
        place,
        row.label,
        list(ours.values()),
        seeds=len(ours),
        difference=None if row is reference else _difference(ours, measured_by_seed(reference, place)),
        is_reference=row is reference,
        training=sum(hours) / len(hours) if hours else None,
    )


def _line(place: Place, label: str, measured: Sequence[Measured], **more: Any) -> Line:
    first = measured[0]
    # Bicubic is the same in every run; only its time is not.
    counted = measured if more.get("seeds") else measured[:1]
    return Line(
        **{"seeds": 0, "difference": None, "is_reference": False, "training": None, **more},
        place=place,
        label=label,
        protocol=first.protocol,
        images=len(first.psnr),
        psnr=spread([finite.mean(m.psnr.values()) for m in counted]),
        ssim=spread([finite.mean(m.ssim.values()) for m in counted]),
        remark=_remark(counted),
        published=first.published,
        parameters=first.parameters,
        seconds=float(np.mean([m.seconds for m in measured])),
    )


def _remark(measured: Sequence[Measured]) -> str:
    """Says what stands beside means of values that are not all finite, once for all seeds of which it is true."""
    notes = [finite.note(title, list(values.values())) for m in measured for title, values in m.by_title.items()]
    return "; ".join(dict.fromkeys(filter(None, notes)))


def _difference(ours: dict[int, Measured], theirs: dict[int, Measured]) -> Difference | None:
    """Returns ours minus theirs, paired by image, over the seeds that both have and the images whose PSNR is finite in
    all of these runs; None without a seed or an image, or with a NaN.
    """
    seeds = tuple(sorted(set(ours) & set(theirs)))
    if not seeds:
        return None
    measured = [side[seed].psnr for side in (ours, theirs) for seed in seeds]
    if any(finite.is_fault(value) for psnr in measured for value in psnr.values()):
        return None
    images = [image for image in measured[0] if finite.is_finite(*(psnr[image] for psnr in measured))]
    if not images:
        return None
    values = np.array([[psnr[image] for image in images] for psnr in measured])
    mine, reference = values[: len(seeds)], values[len(seeds) :]
    return paired_difference(mine - reference, seeds, len(measured[0]) - len(images))


def cells(line: Line) -> tuple[str, ...]:
    """Returns a line as text, in the order of COLUMNS."""
    printed = line.published
    published = ""
    if printed is not None:
        published = f"{printed['psnr']:.2f}" + (f" / {printed['ssim']:.4f}" if printed["ssim"] is not None else "")
    return (
        line.place[0],
        f"x{line.place[1]}",
        line.label,
        _spread_text(line.psnr, 2, line.seeds),
        _spread_text(line.ssim, 4, line.seeds),
        str(line.seeds) if line.seeds else "",
        _difference_text(line),
        published,
        f"{line.parameters:,}",
        f"{line.seconds:.3f}",
        "" if line.training is None else f"{line.training / 3600:.2f}",
    )


def _spread_text(value: Spread, digits: int, seeds: int) -> str:
    mean = f"{value.mean:.{digits}f}"
    return mean if not seeds or value.deviation is None else f"{mean} ± {value.deviation:.{digits}f}"


def _difference_text(line: Line) -> str:
    if line.is_reference:
        return "reference"
    if line.difference is None:
        return "-" if line.seeds else ""
    mean, low, high = line.difference.mean, line.difference.low, line.difference.high
    return f"{mean:+.3f}" + ("" if low is None or high is None else f" [{low:+.3f}, {high:+.3f}]")


def text_table(lines: Sequence[Line]) -> TextTable:
    """Returns the table of a report, with a section for every set and scale."""
    marks, notes = numbered_notes([line.remark for line in lines])
    rows = [list(cells(line)) for line in lines]
    for row, mark in zip(rows, marks, strict=True):
        row[COLUMNS.index("PSNR")] += mark
    columns, body = used_columns(COLUMNS, rows)
    sections = [i for i in range(1, len(lines)) if lines[i].place != lines[i - 1].place]
    return TextTable(columns, body, LEFT, sections=sections, notes=notes)


def comma_separated(lines: Sequence[Line]) -> str:
    """Returns one line a row, at full precision; empty where there is no value."""
    return csv_text([PRECISE, *map(_csv_line, lines)])


def _csv_line(line: Line) -> list[Any]:
    printed, difference = line.published or {}, line.difference
    compared: list[Any] = ["", "", "", ""]
    if difference is not None:
        compared = [difference.mean, difference.low, difference.high, " ".join(map(str, difference.seeds))]
    return [*line.place, line.label, line.protocol, line.images, line.seeds or "", line.psnr.mean, line.psnr.deviation,
            line.ssim.mean, line.ssim.deviation, *compared, printed.get("psnr"), printed.get("ssim"), line.parameters,
            line.seconds, line.training, line.remark]  # fmt: skip
