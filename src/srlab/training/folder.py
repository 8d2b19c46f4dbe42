"""The folder of a run: its name, and what happens when it exists."""

import shutil
from pathlib import Path

import torch

from srlab.errors import SrlabError
from srlab.schema import TrainConfig


def run_name(config: TrainConfig, scales: list[int], data_kind: str) -> str:
    """A stable name from method, scale and data, without `=`, which Hydra would not take back in ckpt=PATH."""
    scale = "x" + "-".join(map(str, scales))
    name = f"{config.model.name}_{scale}_{config.data.name or data_kind}" if config.name is None else config.name
    if "=" in name:
        raise SrlabError(f"name={name}: without '=', please; ckpt=PATH could not name its checkpoints.")
    if not name.strip("./") or ".." in Path(name).parts or Path(name).is_absolute():
        raise SrlabError(f"name='{name}': expected the name of a folder within runs={config.runs}.")
    return name


def checkpoint_to_resume(config: TrainConfig, folder: Path) -> Path | None:
    """The checkpoint that resume= means; None for a fresh start. Raises SrlabError for one that is not there."""
    if config.resume is None:
        return None
    if config.resume == "auto":
        last = folder / "checkpoints" / "last.ckpt"
        return last if last.is_file() else None
    path = Path(config.resume)
    if not path.is_file():
        raise SrlabError(f"resume={path}: no such checkpoint. Say resume=auto for the run's own last one.")
    return path


def claim_folder(config: TrainConfig, folder: Path) -> None:
    """Makes the folder of a fresh run. Raises SrlabError where it holds an earlier run that may not be touched."""
    if folder.exists() and any(folder.iterdir()) and config.resume is None:
        if not config.overwrite:
            raise SrlabError(
                f"{folder} holds an earlier run. Go on with it: resume=auto; keep it: name=OTHER; or replace it: "
                f"overwrite=true."
            )
        if not (folder / "config.yaml").is_file():
            raise SrlabError(
                f"{folder} is not a run of srlab (it has no config.yaml), so overwrite=true leaves it alone."
            )
        shutil.rmtree(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SrlabError(f"{folder}: cannot be made ({error.strerror}). Set runs= to a folder of yours.") from None


def step_of(checkpoint: Path | None) -> int:
    """The step at which a checkpoint was written; 0 for None."""
    if checkpoint is None:
        return 0
    return int(torch.load(checkpoint, map_location="cpu", weights_only=True, mmap=True)["global_step"])
