"""Help, docs/options.md and conf/schema.json say what conf/ says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import write_option_docs
from helpers import CONF, ROOT
from omegaconf import OmegaConf
from programs import environment

from srlab.config.folder import choices_of, groups_of_options
from srlab.config.help_text import help_text
from srlab.config.json_schema import json_schema
from srlab.config.known_keys import keys_of
from srlab.config.option_list import network_arguments, sections_of
from srlab.config.schema import SCHEMAS
from srlab.config.yaml_comments import Option, head_comment, options_in

SCHEMA = json_schema()
FILES = {
    **{f"{program}.yaml": program for program in SCHEMAS},
    **{f"{group}/{choice}.yaml": group for group in groups_of_options() for choice in choices_of(group)},
    **{f"{path.parent.name}/base.yaml": path.parent.name for path in CONF.glob("*/base.yaml")},
    "model/base.yaml": "model_base",
}


@pytest.mark.parametrize(("path", "text"), write_option_docs.texts().items(), ids=lambda value: Path(value).name[:12])
def test_what_is_generated_is_fresh(path, text):
    assert path.read_text(encoding="utf-8") == text, "run: python tools/write_option_docs.py"


def test_comments_are_read_beside_above_and_not_from_the_head(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text(
        "# @package _global_\n# What it is,\n# in two lines.\na: 1\nb: '#x'  # beside\n# above,\n# twice\nc: {d: 1}\n"
        "e:  # a section\n  f: [1, 2]   # within\ndefaults: [base]\n"
    )
    assert head_comment(path) == "What it is, in two lines."
    assert options_in(path, "p.") == [
        Option("p.a", "1", ""),
        Option("p.b", "'#x'", "beside"),
        Option("p.c", "{d: 1}", "above, twice"),
        Option("p.e", "", "a section"),
        Option("p.e.f", "[1, 2]", "within"),
        Option("p.defaults", "[base]", ""),
    ]
    assert [option.key for option in options_in(path)] == ["a", "b", "c", "e", "e.f"]


@pytest.mark.parametrize("program", SCHEMAS)
def test_every_option_has_a_comment(program):
    options = [option for section in sections_of(program) for option in section.options]
    assert [option.key for option in options if not option.comment and option.default] == []


def test_every_key_of_the_schema_is_in_the_help():
    text = help_text("train", "")
    sections = {"loss", "model", "optimizer", "schedule", "data", "trainer", "logger", "protocol", "weights"}
    keys = set(keys_of(SCHEMAS["train"])) - sections - {"protocol.name", "model.discriminator", "model.fit"}
    assert [key for key in sorted(keys) if not re.search(rf"^  {re.escape(key)}\b", text, re.MULTILINE)] == []


@pytest.mark.parametrize(("program", "key"), [("train", "ckpt"), ("evaluate", "resume")])
def test_the_help_of_one_program_has_no_options_of_the_other(program, key):
    assert f"  {key}=" not in help_text(program, "")


def test_the_arguments_of_a_network_are_inherited():
    assert network_arguments()["edsr"] == network_arguments()["edsr_baseline"]
    assert "low_rank" in network_arguments()["wdsr_b"] and "expansion" in network_arguments()["wdsr_b"]


def valid(value, schema) -> bool:
    """The keywords of JSON Schema that conf/schema.json uses, by their definition."""
    if "$ref" in schema:
        return valid(value, SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]])
    kinds = {"integer": int, "number": (int, float), "boolean": bool, "string": str, "null": type(None),
             "array": list, "object": dict}  # fmt: skip
    names = schema.get("type", list(kinds))
    fits = any(
        isinstance(value, kinds[name]) and (isinstance(value, bool) <= (name == "boolean"))
        for name in ([names] if isinstance(names, str) else names)
    )
    properties = schema.get("properties", {})
    return (
        fits
        and ("anyOf" not in schema or any(valid(value, part) for part in schema["anyOf"]))
        and ("minimum" not in schema or value >= schema["minimum"])
        and ("exclusiveMaximum" not in schema or value < schema["exclusiveMaximum"])
        and ("pattern" not in schema or re.search(schema["pattern"], value) is not None)
        and ("items" not in schema or all(valid(item, schema["items"]) for item in value))
        and (
            not isinstance(value, dict) or schema.get("additionalProperties", True) or value.keys() <= properties.keys()
        )
        and (
            not isinstance(value, dict) or all(valid(value[key], properties[key]) for key in value if key in properties)
        )
    )


@pytest.mark.parametrize("name", FILES)
def test_a_yaml_file_fits_its_schema(name):
    content = OmegaConf.to_container(OmegaConf.load(CONF / name))
    assert valid(content, SCHEMA["$defs"][FILES[name]]) and valid(content, SCHEMA)


@pytest.mark.parametrize(
    ("part", "content"),
    [
        ("trainer", {"max_step": 3}),
        ("trainer", {"max_steps": 0}),
        ("trainer", {"max_steps": "many"}),
        ("train", {"optimizer": {"learning_rate": True}}),
        ("train", {"schedule": {"milestones": 5}}),
        ("loss", {"l3": {"weight": 1}}),
    ],
)
def test_a_mistake_in_a_yaml_file_does_not_fit(part, content):
    assert not valid(content, SCHEMA["$defs"][part])


def test_no_definition_is_referred_to_that_there_is_not():
    references = re.findall(r'"#/\$defs/(\w+)"', (CONF / "schema.json").read_text())
    assert set(references) <= SCHEMA["$defs"].keys()


@pytest.mark.parametrize("program", SCHEMAS)
def test_a_program_and_its_command_give_the_same_usage(program):
    """train.py and `srlab train`: one text, apart from the name and the file of options."""
    from importlib import import_module

    def plain(text: str) -> str:
        return " ".join(text.replace(f"python {program}.py", f"srlab {program}").split())

    page = re.match(r'"""(.*?)"""', (ROOT / f"{program}.py").read_text(), re.DOTALL).group(1)
    module = import_module(f"srlab.commands.{program}")
    assert plain(page) == f"{plain(module.__doc__)} conf/{program}.yaml and docs/options.md have every option."


@pytest.mark.parametrize("words", [["train.py", "--help"], ["evaluate.py", "-h"], ["-m", "srlab", "train", "--help"]])
def test_help_is_printed_without_pytorch(words):
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *words], cwd=ROOT, env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 0 and "Hydra" not in done.stdout.splitlines()[0]
    assert done.stdout.startswith(("Train a method;", "Measure methods")) and "trainer.accelerator=auto" in done.stdout
    assert not re.search(r"\| +(torch|numpy|matplotlib)$", done.stderr, re.MULTILINE)


@pytest.mark.parametrize("words", ["train.py --help", "-m srlab --help", "-m srlab"])
def test_a_reader_that_leaves_early_sees_no_traceback(words):
    """The pipe is closed before anything is written, as by a `head` that has seen enough."""
    command = f"(sleep 0.1; exec {sys.executable} {words}) | true"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, env=environment(), capture_output=True, text=True)
    assert done.stderr == ""
