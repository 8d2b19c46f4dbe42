"""A disk that is full, a real one: a small file system in memory, which only the machine's administrator can mount."""

import contextlib
import os
import random
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from fault_campaigns.row import Row
from fault_campaigns.trainings import differences, ended, start, steps_logged, wait_until, words
from srlab.atomic_write import is_temporary
from srlab.run_files import RunFiles

SIZE = 24 * 2**20  # bytes of the file system
FULL = ("No space left on device", "no space left", "disk is full", "could not be saved")


def full_disks(generator: random.Random, tries: int, folder: Path) -> Row:
    """The disk becomes full before or while something is written; later there is room, and the same command works."""
    row = Row("disk full")
    places = [_at_checkpoints, _at_the_log, _at_results, _at_pictures, _at_photos]
    names = []
    for number in range(tries):
        with _small_disk(folder / f"disk{number}") as disk:
            if disk is None:
                row.note = "not tried: a file system cannot be mounted here without being the administrator"
                return row
            place = places[number % len(places)]
            names.append(place(row, generator, folder, disk))
            row.tries += 1
            row.expect(not any(map(is_temporary, disk.rglob("*"))), f"{names[-1]}: something half-written was left")
    row.note = "; ".join(dict.fromkeys(names))
    return row


@contextlib.contextmanager
def _small_disk(at: Path) -> Iterator[Path | None]:
    at.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(at)]
    if os.name != "posix" or subprocess.run(command, capture_output=True).returncode:
        yield None
        return
    try:
        yield at
    finally:
        subprocess.run(["umount", "--lazy", str(at)], check=True)


@contextlib.contextmanager
def _filled(disk: Path, left: int) -> Iterator[None]:
    """Leaves some bytes of a disk, and gives all back at the end."""
    filler = disk / "filler"
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        file.write(bytes(max(0, free - left)))
    yield
    filler.unlink()


def _fails(row: Row, what: str, answer: tuple[int, str, str]) -> None:
    code, _, errors = answer
    one_line = code == 1 and "Traceback" not in errors and any(words in errors for words in FULL)
    row.expect(one_line, f"{what}: code {code}: {errors[-400:]}")


def _works(row: Row, what: str, answer: tuple[int, str, str]) -> None:
    row.expect(answer[0] == 0, f"{what}, with room again: code {answer[0]}: {answer[2][-400:]}")


def _training(row: Row, folder: Path, disk: Path, left: int, what: str, fill_at: Callable[[RunFiles], bool]) -> str:
    """A training whose disk is full from some moment on; then it is resumed, and compared with one that had room."""
    whole, files = RunFiles(folder / "runs" / "whole-disk"), RunFiles(disk / "full")
    if not steps_logged(whole):
        ended(start(folder, "train.py", *words("EDSR"), "name=whole-disk"))
    program = start(folder, "train.py", *words("EDSR"), f"runs={disk}", "name=full")
    wait_until(program, lambda: fill_at(files))
    with _filled(disk, left):
        _fails(row, what, ended(program))
    _works(row, what, ended(start(folder, "train.py", *words("EDSR"), f"runs={disk}", "name=full", "resume=auto")))
    row.problems += [f"{what}: {difference}" for difference in differences(whole, files)]
    return what


def _at_checkpoints(row: Row, generator: random.Random, folder: Path, disk: Path) -> str:
    left, step = generator.randint(0, 300_000), generator.randint(5, 40)
    return _training(row, folder, disk, left, "a checkpoint", lambda files: steps_logged(files) > step)


def _at_the_log(row: Row, generator: random.Random, folder: Path, disk: Path) -> str:
    """Nothing at all is left, so that metrics.csv or the checkpoint fails, whichever comes first."""
    step = generator.randint(5, 40)
    return _training(row, folder, disk, 0, "metrics.csv", lambda files: steps_logged(files) > step)


def _evaluation(disk: Path, *more: str) -> list[str]:
    return ["evaluate.py", "model=bicubic", "scale=2", "sets=[sample]", "protocol=luma", f"out={disk / 'out'}", *more]


def _at_results(row: Row, generator: random.Random, folder: Path, disk: Path) -> str:
    what = "results of an evaluation"
    with _filled(disk, 0):
        _fails(row, what, ended(start(folder, *_evaluation(disk))))
    _works(row, what, ended(start(folder, *_evaluation(disk))))
    return what


def _at_pictures(row: Row, generator: random.Random, folder: Path, disk: Path) -> str:
    what = "pictures of an evaluation"
    with _filled(disk, generator.randint(20_000, 200_000)):
        _fails(row, what, ended(start(folder, *_evaluation(disk, "save_images=true"))))
    _works(row, what, ended(start(folder, *_evaluation(disk, "save_images=true"))))
    return what


def _at_photos(row: Row, generator: random.Random, folder: Path, disk: Path) -> str:
    what, photo = "photos of srlab upscale", folder / "noise.png"
    noise = np.random.default_rng(0).integers(0, 256, (400, 400, 3), np.uint8)
    Image.fromarray(noise).save(photo)
    command = ["-m", "srlab", "upscale", str(photo), str(disk / "large.png"), "model=bicubic"]
    with _filled(disk, generator.randint(0, 500_000)):
        _fails(row, what, ended(start(folder, *command)))
        row.expect(not (disk / "large.png").exists(), f"{what}: a part of one has its name")
    _works(row, what, ended(start(folder, *command)))
    row.expect((disk / "large.png").is_file(), f"{what}: it is not there")
    return what
