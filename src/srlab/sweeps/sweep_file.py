"""sweep.yaml in a sweep's folder: which run its report compares the others with."""

from pathlib import Path

from omegaconf import OmegaConf

from srlab.atomic_write import write_text
from srlab.plain_files import read_plain_yaml
from srlab.plain_schema import check, record, text

NAME = "sweep.yaml"


def write_reference(folder: Path, run: str) -> None:
    """Writes sweep.yaml; the sweep's folder is made where it is not there.

    Args:
        folder: of the sweep.
        run: the name of a folder in it, which need not be there yet.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / NAME, OmegaConf.to_yaml({"reference": run}))


def read_reference(folder: Path) -> str | None:
    """Returns the name of the reference run; None where the folder has no sweep.yaml.

    Raises:
        SrlabError: the file is damaged.
    """
    path = folder / NAME
    if not path.is_file():
        return None
    advice = "It should say `reference: ` and the name of a run's folder. Correct it, or remove it."
    content = read_plain_yaml(path, advice)
    check(content, record({"reference": text(longest=1000)}), path, advice)
    return str(content["reference"])
