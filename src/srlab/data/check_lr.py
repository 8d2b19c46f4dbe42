"""LR files against their HR images: complete, of the right size, and how far from MATLAB's bicubic."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from srlab.data.duplicates import Look
from srlab.data.image_sets import scale_of
from srlab.data.lr_folders import LRFolder, instead_of
from srlab.errors import SrlabError
from srlab.imaging.crop import crop_to_multiple
from srlab.imaging.files import read_image
from srlab.imaging.folders import content_of
from srlab.imaging.resize import imresize

ANOTHER = 20  # mean difference in levels from which an LR image does not show its HR image


@dataclass(frozen=True)
class Finding:
    """One line of a report.

    Attributes:
        error: whether it makes training or measuring wrong; otherwise it is a note.
        text: the line.
    """

    error: bool
    text: str


@dataclass(frozen=True)
class Fidelity:
    """How much LR images differ from MATLAB's bicubic.

    Attributes:
        compared: number of images that were compared.
        differing: share of their pixels that differ in any channel, 0 to 1.
        largest: largest difference, of 255 levels.
        strangers: LR files that do not show their HR image.
        of: number of all images.
    """

    compared: int
    differing: float
    largest: int
    strangers: tuple[Path, ...]
    of: int

    def __str__(self) -> str:
        share = f"{100 * self.differing:.2f} % of the pixels differ, by up to {self.largest} levels"
        return f"{share if self.differing else 'equal in every pixel'} ({self.compared} of {self.of} images compared)"


def check_folder(lr: LRFolder, looks: Sequence[Look], step: Callable[[], None]) -> list[Finding]:
    """Finds LR files that are missing, superfluous, unreadable or of a wrong size.

    Args:
        lr: the LR files.
        looks: their HR images.
        step: called after each LR file, to show progress.
    """
    expected = {path: one for one in looks for path in lr.files(one.path.stem)}
    there = set(content_of(lr.folder).images)
    lost, surplus = sorted(set(expected) - there), sorted(there - set(expected))
    findings = []
    if lost:
        like = instead_of(lost[0])
        text = f"{lr}: files are missing ({len(lost)} of {len(expected)}), such as {lost[0]}{'.' if like else ''}{like}"
        findings.append(Finding(True, text))
    if surplus:
        findings.append(Finding(False, f"{lr}: files belong to no HR image ({len(surplus)}), such as {surplus[0]}"))
    wrong: dict[int | None, list[str]] = {}
    found = [path for path in expected if path in there]
    with ThreadPoolExecutor() as pool:
        for path, size in zip(found, pool.map(_size, found), strict=True):
            step()
            height, width = expected[path].size
            if isinstance(size, SrlabError):
                findings.append(Finding(True, str(size)))
            elif size != (height // lr.scale, width // lr.scale):
                text = f"{path.name} is {size[1]}x{size[0]}, and HR {width}x{height}"
                wrong.setdefault(scale_of(size, (height, width)), []).append(text)
    return findings + [_wrong_size(lr, other, examples) for other, examples in wrong.items()]


def _size(path: Path) -> tuple[int, int] | SrlabError:
    try:
        height, width = read_image(path).shape[:2]
    except SrlabError as error:
        return error
    return height, width


def _wrong_size(lr: LRFolder, other: int | None, examples: list[str]) -> Finding:
    """Words the error of LR files of a wrong size; other: the scale that their sizes fit, if any."""
    if other == lr.scale:
        reason = "whose sides are rounded up, since HR was not cropped to multiples of the scale"
    elif other is not None:
        reason = f"of x{other}, not of x{lr.scale}"
    else:
        reason = "that do not fit their HR images"
    return Finding(True, f"{lr.folder}: holds files {reason} ({len(examples)} of them; {examples[0]})")


def fidelity(lr: LRFolder, hr: Sequence[Path], most: int) -> Fidelity | None:
    """Compares LR files with MATLAB's bicubic.

    Args:
        lr: the LR files.
        hr: all HR images.
        most: how many to compare at most; they are spread evenly over the list.

    Returns:
        None where no LR file fits its HR image.
    """
    count = min(most, len(hr))
    chosen = [hr[i * len(hr) // count] for i in range(count)]
    with ThreadPoolExecutor() as pool:
        results = [result for result in pool.map(lambda path: _compare(lr, path), chosen) if result is not None]
    if not results:
        return None
    pixels = sum(result[1] for result in results)
    return Fidelity(
        compared=len(results),
        differing=sum(result[0] for result in results) / pixels,
        largest=max(result[2] for result in results),
        strangers=tuple(result[4] for result in results if result[3] >= ANOTHER),
        of=len(hr),
    )


def _compare(lr: LRFolder, path: Path) -> tuple[int, int, int, float, Path] | None:
    """Returns differing pixels, all pixels, largest and mean difference, and the file.

    None if the LR file is missing, cannot be decoded, or has a wrong size.
    """
    file = lr.files(path.stem)[0]
    try:
        found, exact = read_image(file), imresize(crop_to_multiple(read_image(path), lr.scale), 1 / lr.scale)
    except (SrlabError, ValueError):
        return None
    if found.ndim != exact.ndim:  # grey files that were saved as RGB, or the other way round
        found, exact = (
            image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2) for image in (found, exact)
        )
    if found.shape != exact.shape:
        return None
    difference = np.abs(found.astype(np.int16) - exact)
    pixels = difference if difference.ndim == 2 else difference.max(axis=2)
    return int((pixels > 0).sum()), pixels.size, int(difference.max()), float(difference.mean()), file


def describe(lr: LRFolder, found: Fidelity) -> list[Finding]:
    """Returns the findings of a comparison with MATLAB's bicubic."""
    findings = [Finding(True, f"{path}: does not show its HR image") for path in found.strangers]
    if found.differing:
        findings.append(Finding(False, f"{lr}: not exactly MATLAB's bicubic: {found}"))
    return findings


def names(paths: Iterable[Path], most: int = 4) -> str:
    """Lists file names as 'a.png, b.png and 3 more'."""
    listed = [path.name for path in paths]
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more
