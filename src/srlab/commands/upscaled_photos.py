"""What `srlab upscale` says and does."""

import errno
import os
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from srlab.commands.arguments import path as expanded
from srlab.console import print_whole
from srlab.errors import SrlabError
from srlab.inference.output_size import output_size
from srlab.inference.upscaler import Settings
from srlab.labels import printable_line
from srlab.photos.enlarging import enlarged
from srlab.photos.formats import Format, Quality, format_of
from srlab.photos.jobs import Job, check_template, jobs_below
from srlab.photos.networks import Networks, source_of
from srlab.photos.photo import MAX_PIXELS, Photo, open_photo, vips_errors
from srlab.photos.progress import progress_of
from srlab.photos.writing import check_fits, lost, write_photo

DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
INTERRUPTED = 130  # the exit code after Ctrl-C, as shells have it


@dataclass
class Plan:
    """What is asked for, beside the photos.

    Attributes:
        networks: that enlarge.
        wanted: a scale or a size, as `output_size` reads it.
        format: of the results.
        quality: of the results.
        template: of their names, in a folder.
        out: the one result; None where results go into folders.
        overwrite: whether results that are there are made anew.
        max_pixels: of a photo.
        inputs: device and number of all input files, which are never overwritten.
        made: results of this call.
    """

    networks: Networks
    wanted: str
    format: Format
    quality: Quality
    template: str
    out: Path | None
    overwrite: bool
    max_pixels: int
    inputs: set[tuple[int, int]]
    made: set[Path] = field(default_factory=set)


def run(values: dict[str, Any]) -> int:
    """Enlarges a photo or a folder of them; returns an exit code.

    Args:
        values: of the options, by key, and `in` and `out`.

    Raises:
        SrlabError: the options contradict each other, or the one photo cannot be enlarged.
    """
    given, folder = values["in"], _is_folder(values)
    _check_options(values)
    others = 0
    if given.is_dir():
        jobs, others, notes = jobs_below(given, expanded(values["out"]))
        for note in notes:
            print(printable_line(note), file=sys.stderr, flush=True)
    else:
        jobs = [Job(given, expanded(values["out"]) if folder else Path(), given.stem)]
    with _plain_warnings():
        plan = _plan(values, jobs, folder)
        if not given.is_dir():
            return _single(jobs[0], plan)
        return _many(jobs, others, plan)


def _is_folder(values: dict[str, Any]) -> bool:
    """Whether OUT is a folder. Raises SrlabError where IN and OUT do not go together."""
    given, text = values["in"], values["out"]
    out = expanded(text)
    if not given.exists():
        raise SrlabError(f"{given}: no such file or folder. Expected a photo, or a folder of photos.")
    folder = given.is_dir() or out.is_dir() or text.endswith(("/", os.sep))
    if folder and out.exists() and not out.is_dir():
        raise SrlabError(f"{out}: is a file, and {given} is a folder. Expected a folder for the results.")
    if given.is_dir() and out.exists() and out.samefile(given):
        raise SrlabError(f"{out}: is the folder of the photos. Choose another one for the results.")
    if not folder and not out.suffix and values["format"] is None:
        raise SrlabError(f"{out}: expected a name with a suffix such as .png, or a folder: {out}/")
    return folder


def _check_options(values: dict[str, Any]) -> None:
    if values["scale"] is not None and values["size"] is not None:
        raise SrlabError(f"size={values['size']}: scale= says how large results are, too. Leave one out.")
    if values["size"] is not None:
        if "x" not in values["size"].lower().replace("×", "x"):
            raise SrlabError(f"size={values['size']}: expected WIDTHxHEIGHT in pixels, such as 3840x2160.")
        output_size(values["size"], 1000, 1000)
    if values["name"] is not None:
        check_template(values["name"], values["size"] is not None)


def _plan(values: dict[str, Any], jobs: list[Job], folder: bool) -> Plan:
    out = None if folder else expanded(values["out"])
    kind = _format(values, out)
    keys = ("tile", "ensemble", "precision", "fold", "device", "engine")
    source = source_of(values["ckpt"], values["model"], values["weights"], values["clean"])
    settings = Settings(**{key: values[key] for key in keys})
    networks = Networks(source, settings, values["scale"], values["model"] if values["weights"] else None)
    scale = values["scale"]
    if values["size"] is None:
        scale = networks.usual_scale() if scale is None else scale
        networks.for_factor(scale)  # a network that cannot do it is found before the first photo
    return Plan(
        networks=networks,
        wanted=values["size"] or f"{scale:.12g}",
        format=kind,
        quality=kind.chosen(values["quality"]),
        template=values["name"] or ("{name}_{width}x{height}" if values["size"] else "{name}_x{scale}"),
        out=out,
        overwrite=values["overwrite"],
        max_pixels=values["max_pixels"] or MAX_PIXELS,
        inputs={_identity(job.path) for job in jobs if job.path.exists()},  # a link may lead nowhere
    )


def _format(values: dict[str, Any], out: Path | None) -> Format:
    said = values["format"]
    if out is None or not out.suffix:
        return format_of(said or "png", f"format={said}")
    kind = format_of(out.suffix, str(out))
    if said is not None and format_of(said, f"format={said}") is not kind:
        raise SrlabError(
            f"format={said}: {out} has the suffix of {kind.name}. Leave format= out, or change the suffix."
        )
    return kind


def _single(job: Job, plan: Plan) -> int:
    began = time.monotonic()
    try:
        _enlarge(job, plan, began)
    except OSError as error:
        raise _as_line(error, job.path) from error
    except KeyboardInterrupt:
        print("interrupted: nothing was written.", file=sys.stderr, flush=True)
        return INTERRUPTED
    return 0


def _many(jobs: list[Job], others: int, plan: Plan) -> int:
    began = time.monotonic()
    written = skipped = failed = 0
    ending = ""
    try:
        for job in jobs:
            try:
                if _enlarge(job, plan, time.monotonic()):
                    written += 1
                else:
                    skipped += 1
            except (SrlabError, OSError) as error:
                failed += 1
                line = _as_line(error, job.path) if isinstance(error, OSError) else error
                print(f"error: {printable_line(str(line))}", file=sys.stderr, flush=True)
                if isinstance(error, OSError) and error.errno in DISK_FULL:
                    ending = f" Stopped with {len(jobs) - written - skipped - failed} left: the disk takes no more."
                    break
    except KeyboardInterrupt:
        left = len(jobs) - written - skipped - failed
        ending = f" Interrupted with {left} left: the same command goes on from here."
    parts = [f"{written} written"]
    parts += [f"{skipped} skipped, which were there (overwrite=true makes them anew)"] if skipped else []
    parts += [f"{failed} failed"] if failed else []
    parts += [f"{others} other files left out"] if others else []
    print_whole(f"{', '.join(parts)}; {time.monotonic() - began:.1f} s.{ending}")
    return INTERRUPTED if ending.startswith(" Interrupted") else int(failed > 0)


def _enlarge(job: Job, plan: Plan, began: float) -> bool:
    """Makes one result and prints its line; False where it was there."""
    out = _target(job, plan, None)
    if out is not None and _is_there(out, plan):
        return False
    photo = open_photo(job.path, plan.max_pixels)
    height, width = output_size(plan.wanted, photo.height, photo.width)
    if out is None:
        out = _target(job, plan, (height, width))
        assert out is not None
        if _is_there(out, plan):
            return False
    plan.made.add(out)
    check_fits(out, plan.format, height, width)
    upscaler = plan.networks.for_factor(max(height / photo.height, width / photo.width))
    with progress_of(str(job.path)) as on_progress, vips_errors(job.path):
        bands = enlarged(photo, upscaler, height, width, on_progress)
        write_photo(out, plan.format, plan.quality, photo, bands, height, width)
    print_whole(printable_line(_line(photo, out, plan.format, height, width, upscaler.label, time.monotonic() - began)))
    return True


def _target(job: Job, plan: Plan, size: tuple[int, int] | None) -> Path | None:
    """Where a result goes; None where that depends on its size, which is not known yet."""
    if plan.out is not None:
        return plan.out
    if size is None and ("{width" in plan.template or "{height" in plan.template):
        return None
    height, width = size or (0, 0)
    model = Path(plan.networks.source).name.replace(":", "_")
    name = plan.template.format(name=job.name, scale=plan.wanted, width=width, height=height, model=model)
    return job.folder / f"{name}.{plan.format.name}"


def _is_there(out: Path, plan: Plan) -> bool:
    """Whether a result is there and to be left. Raises SrlabError where it must not be written at all."""
    if out in plan.made:
        raise SrlabError(f"{out}: would be the result of several photos. Say name= with {{name}} in it.")
    if not out.exists():
        return False
    if out.is_dir():
        raise SrlabError(f"{out}: is a folder; expected a file, or its name to be free.")
    if _identity(out) in plan.inputs:
        raise SrlabError(f"{out}: is one of the photos themselves, which are never overwritten. Choose another name.")
    if plan.out is not None and not plan.overwrite:
        raise SrlabError(f"{out}: is there already. Say overwrite=true to replace it.")
    return not plan.overwrite


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


def _line(photo: Photo, out: Path, kind: Format, height: int, width: int, label: str, seconds: float) -> str:
    notes = [*photo.notes, *lost(photo, kind)]
    sizes = f"{photo.width}x{photo.height} -> {width}x{height}"
    return f"{photo.path} -> {out}: {sizes}, {label}, {seconds:.1f} s" + "".join(f"; {note}" for note in notes)


def _as_line(error: OSError, path: Path) -> SrlabError:
    return SrlabError(f"{error.filename or path}: {error.strerror or error}.")


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """Shows warnings as one line each, without the place in the code."""
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_, **__: print(f"warning: {message}", file=sys.stderr, flush=True)
        yield
