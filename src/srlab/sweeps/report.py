"""`srlab report`: the runs of a sweep as one table and three figures."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from srlab.atomic_write import write_text
from srlab.errors import SrlabError
from srlab.evaluation.text_tables import markdown_text
from srlab.labels import printable_line
from srlab.sweeps import report_figures as figures
from srlab.sweeps.report_data import OUT, check_comparable, read_sweep
from srlab.sweeps.report_rows import IGNORED, SweepRow, find_reference, make_rows
from srlab.sweeps.report_table import Line, comma_separated, make_lines, text_table
from srlab.sweeps.statistics import RESAMPLES, SEED
from srlab.sweeps.sweep_file import read_reference

METHOD = """\
- **PSNR, SSIM**: per image, then the mean over a set's images; ± is the standard deviation (n - 1) of that mean over
  seeds, where there are several.
- **difference**: PSNR minus that of `{reference}` for the same image and the same seed, averaged over both, in dB; in
  brackets its 95% bootstrap interval. Images and seeds both count as samples: {resamples:,} times (random seed
  {seed}), as many seeds and, independently, as many images as there are were drawn with replacement, and the
  differences of all their pairs averaged; the interval holds the middle 95% of these averages. Because that is too
  narrow for a handful of seeds or images, the deviations of each from the mean were first multiplied by
  sqrt(n / (n - 1)) t / z, with Student's t for n - 1 degrees of freedom over the normal z. With one seed only images
  were drawn: the interval then says nothing of how training varies. `-`: the
  reference row has no such scale, or no seed in common, or no image is finite on both sides. Nothing corrects for
  comparing several rows.
- **Infinite PSNR** (an image that equals its reference): means and differences are over the other images, and a note
  says of how many.
- **published**: PSNR / SSIM in print for the same network under the same protocol.
- **s/image**: the mean over images and seeds, as measured after training; it compares runs on the same machine only.
- **hours**: of training on the wall clock, the mean over seeds."""


def write_report(folder: Path, reference: str | None = None) -> Path:
    """Writes FOLDER/report/ and prints the table. What is missing is listed. An earlier report is replaced.

    Args:
        folder: of a sweep, with a folder for every run.
        reference: the label of the row that the others are compared with; None: the row that the sweep's first job
            belongs to (sweep.yaml), or else the first in the order of the folders' names.

    Returns:
        The path of report.md.

    Raises:
        SrlabError: no run has finished, a file is damaged, the runs were not measured alike, or no row has the label.
    """
    runs, strangers = read_sweep(folder)
    check_comparable(runs)
    rows = make_rows(runs)
    compared = find_reference(rows, reference, read_reference(folder))
    lines = make_lines(rows, compared)
    missing = _missing(rows, strangers)
    out = _make(folder / OUT)
    looks = figures.looks_of(rows)
    figures.curves(rows, looks, out / "curves.png")
    figures.scatter(lines, looks, figures.PARAMETERS, out / "parameters.png")
    figures.scatter(lines, looks, figures.TIME, out / "time.png")
    write_text(out / "table.csv", comma_separated(lines))
    table = text_table(lines)
    write_text(out / "table.tex", table.latex())
    write_text(out / "report.md", _page(folder, reference, rows, lines, compared, missing))
    table.print(f"{folder}, protocol {lines[0].protocol}, difference to {compared.label}")
    for text in missing:
        print(f"missing: {printable_line(text)}")
    print(f"written: {out / 'report.md'}, table.csv, table.tex; curves, parameters and time as .png and .pdf")
    return out / "report.md"


def _make(out: Path) -> Path:
    try:
        out.mkdir(exist_ok=True)
    except OSError as error:
        raise SrlabError(f"{out}: cannot be made ({error.strerror}). Is it a file, or not yours to write?") from None
    return out


def _missing(rows: Sequence[SweepRow], strangers: Sequence[str]) -> list[str]:
    """Returns a line for everything in the folder that is not in the table."""
    unfinished = [
        f"{run.name} ({row.label}, seed {run.seed}): {run.missing}"
        for row in rows
        for run in row.runs
        if run.results is None
    ]
    repeated = [
        f"{run.name} ({row.label}, seed {run.seed}): left out; {row.finished[run.seed].name} has its settings and seed"
        for row in rows
        for run in row.left_out
    ]
    return unfinished + repeated + [f"{name}: no config.yaml; not a run, or one that never began" for name in strangers]


def _page(
    folder: Path,
    reference: str | None,
    rows: Sequence[SweepRow],
    lines: Sequence[Line],
    compared: SweepRow,
    missing: Sequence[str],
) -> str:
    words = ["srlab", "report", str(folder)]
    words += [] if reference is None else [f"reference={reference}"]
    first = printable_line(lines[0].place[0])
    listed = (
        "\n".join(f"- {markdown_text(printable_line(text))}" for text in missing)
        or "Nothing: every run has its results."
    )
    return f"""# {folder.resolve().name}

{len([run for row in rows for run in row.runs])} runs in {len(rows)} rows, protocol {lines[0].protocol}. Made by

    {shlex.join(words)}

{text_table(lines).markdown()}
The numbers at full precision: [table.csv](table.csv); for LaTeX: [table.tex](table.tex).

## Training

![Validation PSNR against step](curves.png)

Thin: every job; thick: the mean of a row at the steps that its finished runs share.

## PSNR on {first} against size and time

![PSNR against parameters](parameters.png)

![PSNR against seconds per image](time.png)

Bars: the standard deviation over seeds.

## Missing

{listed}

## How it was computed

{_method(compared, lines)}

## Rows

Runs that differ only in {", ".join(f"`{key}{'*' * key.endswith('.')}`" for key in IGNORED)} are one row. Everything
else in which rows differ:

{_settings(rows)}
"""


def _method(compared: SweepRow, lines: Sequence[Line]) -> str:
    fewer = []
    for line in lines:
        if line.difference is not None and len(line.difference.seeds) < max(line.seeds, len(compared.finished)):
            where = markdown_text(f"{printable_line(line.place[0])} x{line.place[1]}, {line.label}")
            fewer.append(f"- {where}: the difference is over {_seeds(line.difference.seeds)}, which both rows have.")
        if line.difference is not None and line.difference.left_out:
            where = markdown_text(f"{printable_line(line.place[0])} x{line.place[1]}, {line.label}")
            count = line.images - line.difference.left_out
            fewer.append(f"- {where}: the difference is over {count} of {line.images} images, which are finite in all.")
    return "\n".join([METHOD.format(reference=printable_line(compared.label), resamples=RESAMPLES, seed=SEED), *fewer])


def _seeds(seeds: Sequence[int]) -> str:
    return f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}"


def _settings(rows: Sequence[SweepRow]) -> str:
    """Returns for every row its seeds and every key that differs among rows, also those that labels leave out."""
    keys = [
        key
        for key in dict.fromkeys(k for row in rows for k in row.settings)
        if len({r.settings.get(key) for r in rows}) > 1
    ]
    text = []
    for row in rows:
        values = ", ".join(f"`{printable_line(f'{key}={row.settings[key]}')}`" for key in keys if key in row.settings)
        seeds = _seeds(list(row.finished)) if row.finished else "no finished run"
        text.append(f"- **{markdown_text(row.label)}**: {seeds}" + (f"; {values}" if values else ""))
    return "\n".join(text)
