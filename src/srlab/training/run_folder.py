"""The folder of a run: its name, and what happens when it exists."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from srlab.atomic_write import is_temporary, remove_abandoned
from srlab.config.schema import TrainConfig
from srlab.errors import SrlabError
from srlab.folder_lock import LOCK, OWNER, owned
from srlab.labels import file_name
from srlab.run_files import RunFiles, checkpoint_to_go_on_from

OTHER_NAME = "name=OTHER"  # what is said to whom another process is in the way


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
    name = f"{file_name(config.model.name)}_{scale}_{data}" if config.name is None else config.name
    if "=" in name:
        raise SrlabError(f"name={name}: without '=', please; ckpt=PATH could not name its checkpoints.")
    if not name.strip("./") or ".." in Path(name).parts or Path(name).is_absolute():
        raise SrlabError(f"name='{name}': expected the name of a folder within runs={config.runs}.")
    return name


def checkpoint_to_resume(config: TrainConfig, folder: Path) -> tuple[Path | None, str]:
    """Returns the checkpoint that resume= means, or None for a fresh start; and a line where it is not the last one.

    Raises:
        SrlabError: resume= names a checkpoint that is missing.
    """
    if config.resume is None:
        return None, ""
    if config.resume == "auto":
        return checkpoint_to_go_on_from(folder) if _contents(folder) else (None, "")
    path = Path(config.resume)
    if not path.is_file():
        raise SrlabError(f"resume={path}: no such checkpoint. Say resume=auto for the run's own last one.")
    return path, ""


def check_folder(config: TrainConfig, folder: Path, resumed: Path | None) -> None:
    """Raises SrlabError where the folder holds an earlier run that must not be changed or replaced."""
    files = RunFiles(folder)
    if not _contents(folder) or (resumed is not None and folder.resolve() in resumed.resolve().parents):
        return
    if config.resume == "auto" and files.is_run and not config.overwrite:
        if not files.is_finished:  # it died before its first checkpoint, so nothing is lost by starting again
            return
        raise SrlabError(
            f"{folder} is finished, and has no whole checkpoint to go on from. Keep it: name=OTHER; or replace it: "
            f"overwrite=true."
        )
    if not config.overwrite:
        raise SrlabError(
            f"{folder} holds an earlier run. Go on with it: resume=auto; keep it: name=OTHER; or replace it: "
            f"overwrite=true."
        )
    if not files.is_run:
        raise SrlabError(f"{folder} is not a run of srlab (it has no config.yaml), so overwrite=true leaves it alone.")


def _contents(folder: Path) -> list[Path]:
    """Returns what is in a folder beside what any process leaves that died before it wrote anything."""
    if not folder.is_dir():
        return []
    return [path for path in folder.iterdir() if path.name not in (LOCK, OWNER) and not is_temporary(path)]


@contextmanager
def claimed_folder(config: TrainConfig, folder: Path, resumed: Path | None, keep: str | None = None) -> Iterator[None]:
    """Makes the folder of a run, and empties it unless the run is resumed. It is this process's until the block ends.

    Args:
        config: of the run.
        folder: of the run.
        resumed: the checkpoint that the run goes on from, or None.
        keep: the name of a folder within it that is not removed.

    Raises:
        SrlabError: the folder cannot be made, or another process is training there, or has been since it was checked.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SrlabError(f"{folder}: cannot be made ({error.strerror}). Set runs= to a folder of yours.") from None
    with owned(folder, "training", OTHER_NAME):
        check_folder(config, folder, resumed)
        if checkpoint_to_resume(config, folder)[0] != resumed:
            raise SrlabError(f"{folder}: another process has trained there meanwhile. Look at it, then start again.")
        if resumed is None:
            _empty(folder, keep)
        else:
            remove_abandoned(folder, age=0)
            if (checkpoints := RunFiles(folder).checkpoints).is_dir():
                remove_abandoned(checkpoints, age=0)
        yield


def _empty(folder: Path, keep: str | None) -> None:
    for path in folder.iterdir():
        if path.is_dir() and path.name != keep:
            shutil.rmtree(path)
        elif not path.is_dir() and path.name not in (LOCK, OWNER):
            path.unlink()
