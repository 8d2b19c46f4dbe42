"""resume=runs/NAME: the configuration of the run that goes on, changed by the other words of the command line."""

from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from srlab.config.check_overrides import parse_override
from srlab.config.compose import compose
from srlab.config.folder import CONF, groups_of_options
from srlab.config.renamed import with_new_names
from srlab.config.schema import TrainConfig
from srlab.errors import SrlabError
from srlab.run_files import RunFiles, checkpoint_to_go_on_from

WHOLE_RECIPES = ("model", "experiment", "sweep")  # groups whose yamls set options all over the configuration


def resumed_config(program: str, words: list[str], multirun: bool) -> DictConfig | None:
    """Returns the configuration of the run that resume=FOLDER names; None where the words name no folder.

    Args:
        program: train or evaluate.
        words: of the command line, already checked for names. They override what the run's config.yaml says.
        multirun: whether -m was given.

    Raises:
        SrlabError: the folder holds no run, or a word cannot change a run that has begun.
    """
    overrides = [parse_override(word) for word in words]
    value = next((item.value() for item in overrides if item.key_or_group == "resume"), None)
    if program != "train" or not isinstance(value, str) or not Path(value).is_dir():
        return None
    files = RunFiles(Path(value))
    if not files.is_run:
        raise SrlabError(
            f"resume={value}: is not a run of srlab (it has no config.yaml). Expected auto, a checkpoint, or a run's "
            f"folder such as runs/demo."
        )
    if multirun:
        raise SrlabError(f"resume={value} goes on with one run. Leave -m out.")
    cfg = _complete(with_new_names(OmegaConf.load(files.config)))  # type: ignore[arg-type]
    cfg.overwrite = False
    for word, override in zip(words, overrides, strict=True):
        if override.key_or_group != "resume":
            _change(cfg, override, word)
    cfg.resume = "auto"
    if not {"name", "runs"} & {override.key_or_group for override in overrides}:
        _keep_in(cfg, files.folder)
    else:  # another folder, which has no checkpoint of its own
        cfg.resume = str(_checkpoint_of(files, value))
    return cfg


def _complete(cfg: DictConfig) -> DictConfig:
    """Adds the options that the version of srlab that began the run did not have, with their values of today.

    conf/train.yaml's defaults leave an earlier run what it was: an option that would change it needs another default.
    """
    there = OmegaConf.to_container(cfg)
    lacking = [key for key in OmegaConf.missing_keys(OmegaConf.structured(TrainConfig)) if not _has(there, key)]
    if lacking:
        now = compose("train")
        for key in sorted(lacking):
            OmegaConf.update(cfg, key, OmegaConf.select(now, key), force_add=True)
    return cfg


def _has(content: Any, key: str) -> bool:
    first, _, rest = key.partition(".")
    if not isinstance(content, dict) or first not in content:
        return False
    return not rest or _has(content[first], rest)


def _checkpoint_of(files: RunFiles, value: str) -> Path:
    """Returns the checkpoint that another run goes on from. Raises SrlabError where the run has none that is whole."""
    path, why = checkpoint_to_go_on_from(files.folder)
    if path is None:
        raise SrlabError(f"resume={value}: the run has no whole checkpoint to go on from.")
    if why:
        print(why, flush=True)
    return path


def _keep_in(cfg: DictConfig, folder: Path) -> None:
    """Has the run go on in its folder, wherever it was moved to and whatever it was called when it began."""
    named = None if cfg.get("name") is None else Path(cfg.runs) / cfg.name
    if named is None or named.resolve() != folder.resolve():
        folder = folder if folder.name not in ("", "..") else folder.resolve()
        cfg.runs, cfg.name = str(folder.parent), folder.name


def _change(cfg: DictConfig, override: Override, word: str) -> None:
    key = override.key_or_group
    if override.is_sweep_override() or override.is_delete() or key.startswith("hydra"):
        raise SrlabError(f"{word}: cannot be said beside resume=FOLDER, which goes on with one run.")
    value = override.value()
    if key not in groups_of_options() or isinstance(value, dict):
        OmegaConf.update(cfg, key, value, force_add=True)
        return
    if key in WHOLE_RECIPES:
        raise SrlabError(f"{word}: a run goes on with its own {key}. Leave it out, or start a run without resume=.")
    for choice in value if isinstance(value, list) else [value]:
        OmegaConf.update(cfg, key, _own_options(key, str(choice)), force_add=True)


def _own_options(group: str, choice: str) -> dict[str, Any]:
    """Returns what a choice sets itself, without base.yaml: after trainer=cpu the run still has its number of steps."""
    content: Any = OmegaConf.to_container(OmegaConf.load(CONF / group / f"{choice}.yaml"))
    options: dict[str, Any] = {}
    for other in content.pop("defaults", []):
        if other != "base":
            options |= _own_options(group, other)
    return options | content
