"""All options of train.py and evaluate.py, by section, with the comments of conf/."""

import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from srlab.config.folder import CONF, choices_of
from srlab.config.yaml_comments import Option, head_comment, options_in

# Sections that train.yaml and evaluate.yaml compose; base.yaml of a group has all of its options.
SECTIONS = {
    "train": ("model", "loss", "optimizer", "schedule", "data", "trainer", "logger", "weights"),
    "evaluate": ("weights", "mos"),
}
GROUPS = {
    "train": ("model", "loss", "schedule", "data", "trainer", "logger", "protocol", "experiment", "sweep"),
    "evaluate": ("model", "protocol"),
}
# Of the sections of training, what an evaluation reads too.
ALSO = {"train": (), "evaluate": ("data.root", "data.cache", "data.degradation", "trainer.accelerator")}
ENVIRONMENT = re.compile(r"\$\{oc\.env:(\w+),'?([^'}]*)'?\}")


@dataclass(frozen=True)
class Section:
    """Options that belong together.

    Attributes:
        name: such as optimizer; "" for those of the top level.
        about: what the section is.
        options: in the order of their file.
    """

    name: str
    about: str
    options: tuple[Option, ...]


def sections_of(program: str) -> list[Section]:
    """Returns the options of a program: those of the top level first."""
    own = options_in(CONF / f"{program}.yaml")
    top = tuple(option for option in own if "." not in option.key and option.key not in SECTIONS["train"])
    sections = [Section("", "", top)]
    for name in SECTIONS[program]:
        path = _file_of(name)
        if path is None:
            options = tuple(option for option in own if option.key.startswith(f"{name}."))
            sections.append(Section(name, next((o.comment for o in own if o.key == name), ""), options))
        else:
            sections.append(Section(name, head_comment(path), tuple(options_in(path, f"{name}."))))
    if ALSO[program]:
        everything = [option for section in sections_of("train") for option in section.options]
        also = tuple(option for option in everything if option.key in ALSO[program])
        sections.append(Section("data, trainer", "those of training that an evaluation reads", also))
    return sections


def _file_of(section: str) -> Path | None:
    paths = (CONF / section / name for name in ("base.yaml", "default.yaml"))
    return next((path for path in paths if path.is_file()), None)


def default_choices(program: str) -> dict[str, str]:
    """Returns the choice of each group that holds where nothing is said, such as model: edsr_baseline."""
    entries = yaml.safe_load((CONF / f"{program}.yaml").read_text(encoding="utf-8"))["defaults"]
    pairs = [pair for entry in entries if isinstance(entry, dict) for pair in entry.items()]
    return {key.removeprefix("optional "): str(value or "null").replace("None", "null") for key, value in pairs}


def choices_with_comments(group: str) -> dict[str, str]:
    """Returns what a group offers, and what each yaml says of itself in its first lines."""
    return {name: head_comment(CONF / group / f"{name}.yaml") for name in choices_of(group)}


def network_arguments() -> dict[str, list[str]]:
    """Returns the names of the arguments that each model's network takes, its parents' included."""
    return {model: sorted(_arguments(model)) for model in choices_of("model")}


def _arguments(model: str) -> set[str]:
    content = yaml.safe_load((CONF / "model" / f"{model}.yaml").read_text(encoding="utf-8"))
    parents = [entry for entry in content["defaults"] if isinstance(entry, str) and not entry.startswith("base")]
    inherited = set().union(*map(_arguments, parents)) if parents else set()
    return inherited | set(content["model"].get("network", {}))


def shown_default(option: Option) -> str:
    """Returns a default for people: `data, or $SRLAB_DATA` where the environment can set it; "" where there is none."""
    if option.default == "???":
        return ""
    return ENVIRONMENT.sub(r"\2, or $\1", option.default)
