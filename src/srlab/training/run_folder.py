"""The folder of a run: its name, and what happens when it exists."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from srlab.config.schema import TrainConfig
from srlab.errors import SrlabError
from srlab.run_files import RunFiles


def run_name(config: TrainConfig, scales: Sequence[int], data_kind: str) -> str:
    """Returns the name of a run's folder: `name=`, or method, scale and data.

    Raises:
        SrlabError: `name=` has a "=", which Hydra would refuse in ckpt=PATH, or leads out of the folder of all runs.
    """
    scale = "x" + "-".join(map(str, scales))
    data = config.data.name or data_kind
    degradation = config.data.train_degradation or config.data.degradation
    if degradation not in ("bicubic", config.model.name):
        data += f"_{degradation}"
    name = f"{config.model.name}_{scale}_{data}" if config.name is None else config.name
    if "=" in name:
        raise SrlabError(f"name={name}: without '=', please; ckpt=PATH could not name its checkpoints.")
    if not name.strip("./") or ".." in Path(name).parts or Path(name).is_absolute():
        raise SrlabError(f"name='{name}': expected the name of a folder within runs={config.runs}.")
    return name


def checkpoint_to_resume(config: TrainConfig, folder: Path) -> Path | None:
    """Returns the checkpoint that resume= means; None for a fresh start. Raises SrlabError for one that is missing."""
    if config.resume is None:
        return None
    if config.resume == "auto":
        last = RunFiles(folder).last
        return last if last.is_file() else None
    path = Path(config.resume)
    if not path.is_file():
        raise SrlabError(f"resume={path}: no such checkpoint. Say resume=auto for the run's own last one.")
    return path


def check_folder(config: TrainConfig, folder: Path, resumed: Path | None) -> None:
    """Raises SrlabError where the folder holds an earlier run that must not be changed or replaced."""
    going_on = resumed is not None and folder.resolve() in resumed.resolve().parents
    is_run = RunFiles(folder).is_run
    # A run that ended before its first validation has no checkpoint, so nothing is lost by starting it again.
    going_on |= config.resume == "auto" and is_run and not RunFiles(folder).checkpoints.exists()
    if folder.is_dir() and any(folder.iterdir()) and not going_on:
        if not config.overwrite:
            raise SrlabError(
                f"{folder} holds an earlier run. Go on with it: resume=auto; keep it: name=OTHER; or replace it: "
                f"overwrite=true."
            )
        if not is_run:
            raise SrlabError(
                f"{folder} is not a run of srlab (it has no config.yaml), so overwrite=true leaves it alone."
            )


def claim_folder(folder: Path, resumed: Path | None, keep: str | None = None) -> None:
    """Makes the folder of a run, and empties it unless the run is resumed.

    Args:
        folder: of the run.
        resumed: the checkpoint that the run goes on from, or None.
        keep: the name of a folder within it that is not removed.

    Raises:
        SrlabError: the folder cannot be made.
    """
    if folder.is_dir() and resumed is None:
        for path in folder.iterdir():
            if path.is_dir() and path.name != keep:
                shutil.rmtree(path)
            elif not path.is_dir():
                path.unlink()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SrlabError(f"{folder}: cannot be made ({error.strerror}). Set runs= to a folder of yours.") from None
