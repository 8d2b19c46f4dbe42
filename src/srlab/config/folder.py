"""The folder conf/: where it is, its groups, and what can be chosen in each."""

from pathlib import Path

_PACKAGE = Path(__file__).parents[1]
_IN_WHEEL = _PACKAGE / "conf"  # a wheel carries conf/ within the package; in the repository it stands beside src/
CONF = _IN_WHEEL if _IN_WHEEL.is_dir() else _PACKAGE.parents[1] / "conf"
NULLABLE_GROUPS = ("experiment", "sweep")  # GROUP=null means none
LIST_GROUPS = ("logger",)  # GROUP=[A,B] chooses both
NO_GROUPS = ("wandb",)  # folders of conf/ that are not for Hydra


def groups_of_options() -> list[str]:
    """Returns the names of Hydra's groups, which are the folders of conf/."""
    return sorted(path.name for path in CONF.iterdir() if path.is_dir() and path.name not in NO_GROUPS)


def choices_of(group: str, more: Path | None = None) -> list[str]:
    """Returns what GROUP=NAME can choose, such as edsr_table/baseline_single for experiment.

    Args:
        group: a folder of conf/.
        more: another folder that is laid out as conf/ (Hydra's --config-dir).
    """
    names = set()
    for folder in (CONF / group, *([] if more is None else [more / group])):
        names |= {path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.yaml")}
    return sorted(names - {"base"})
