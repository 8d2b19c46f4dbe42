"""The names of the files and folders within the folder of a run."""

from dataclasses import dataclass
from pathlib import Path

from srlab.errors import SrlabError

RUN_CONFIG = "config.yaml"  # its presence makes a folder a run
CHECKPOINTS = "checkpoints"
BEST, LAST = "best.ckpt", "last.ckpt"
RESULTS = "results.json"
METRICS_LOG = "metrics.csv"


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
