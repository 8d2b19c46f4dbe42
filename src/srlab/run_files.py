"""The names of the files and folders within the folder of a run, and which of its checkpoints it can go on from."""

import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from srlab.errors import SrlabError

RUN_CONFIG = "config.yaml"  # its presence makes a folder a run
CHECKPOINTS = "checkpoints"
BEST, LAST, PREVIOUS = "best.ckpt", "last.ckpt", "previous.ckpt"
RESULTS = "results.json"
METRICS_LOG = "metrics.csv"
DIVERGED = "train/diverged"  # its column that is 1 in the last line of a run that was stopped for that


@dataclass(frozen=True)
class RunFiles:
    """Paths within one run.

    Attributes:
        folder: of the run, such as runs/edsr_x2_div2k.
    """

    folder: Path

    @property
    def config(self) -> Path:
        """The whole configuration, resolved."""
        return self.folder / RUN_CONFIG

    @property
    def checkpoints(self) -> Path:
        return self.folder / CHECKPOINTS

    @property
    def best(self) -> Path:
        """The checkpoint that is evaluated."""
        return self.checkpoints / BEST

    @property
    def last(self) -> Path:
        """The checkpoint that `resume=auto` goes on from."""
        return self.checkpoints / LAST

    @property
    def previous(self) -> Path:
        """The last checkpoint before `last`, in case that one is damaged."""
        return self.checkpoints / PREVIOUS

    @property
    def metrics_log(self) -> Path:
        """Losses, rates and validation metrics by step."""
        return self.folder / METRICS_LOG

    @property
    def results(self) -> Path:
        """The final evaluation; a run that has it is finished."""
        return self.folder / RESULTS

    @property
    def comparison(self) -> Path:
        """The picture of the final evaluation."""
        return self.folder / "comparison.png"

    @property
    def images(self) -> Path:
        return self.folder / "images"

    @property
    def is_run(self) -> bool:
        return self.config.is_file()

    @property
    def is_finished(self) -> bool:
        return self.results.is_file()


def checkpoint_in(path: Path) -> Path:
    """Returns the best checkpoint of a run for the run's folder, and any other path as it is.

    Raises:
        SrlabError: a folder that is no run, or a run that has not validated yet.
    """
    if not path.is_dir():
        return path
    files = RunFiles(path)
    if not files.is_run:
        raise SrlabError(f"{path}: is a folder without {RUN_CONFIG}. Expected a checkpoint, or the folder of a run.")
    if not files.best.is_file():
        raise SrlabError(f"{path}: the run has no {CHECKPOINTS}/{BEST} yet; the first validation writes it.")
    return files.best


def damage(path: Path) -> str | None:
    """Returns what is wrong with a checkpoint's file, or None where it is whole. Reads all of it.

    Raises:
        OSError: the file cannot be read, which says nothing of what is in it.
    """
    with path.open("rb") as file:
        file.read(1)
    try:
        with zipfile.ZipFile(path) as archive:
            torn = archive.testzip()  # compares the checksum of every part
            return None if torn is None else f"the checksum of {torn} is another"
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, RuntimeError, OSError) as error:
        return str(error).partition("\n")[0] or type(error).__name__


def checkpoint_to_go_on_from(folder: Path) -> tuple[Path | None, str]:
    """Finds the checkpoint from which a run goes on: the last one that is whole, else the best one.

    Args:
        folder: of the run.

    Returns:
        The checkpoint, or None where there is none; and why it is not the last one, "" if it is.

    Raises:
        SrlabError: there may be one, but the file cannot be read.
    """
    files = RunFiles(folder)
    reasons: list[str] = []
    for path, role in ((files.last, "the last one"), (files.previous, "the one before"), (files.best, "the best one")):
        try:
            reason = damage(path)
        except FileNotFoundError:
            reason = "missing"
        except OSError as error:
            raise SrlabError(f"{path}: cannot be read ({error.strerror}). Correct that, or move it away.") from None
        if reason is None:
            return path, "; ".join(reasons) and f"{folder} goes on from {path.name}, {role}: {'; '.join(reasons)}"
        reasons.append(f"{path.name} is {reason if reason == 'missing' else f'damaged ({reason})'}")
    return None, f"{folder} starts anew: {'; '.join(reasons)}"
