"""conf/schema.json: the typed schema as JSON Schema (draft 2020-12), by which editors complete and check yaml files."""

import typing
from dataclasses import is_dataclass
from typing import Any

from srlab.config.folder import groups_of_options
from srlab.config.option_list import sections_of
from srlab.config.schema import AT_LEAST, AT_MOST, BELOW, SCHEMAS, ModelConfig
from srlab.config.value_types import field_types, without_none

DRAFT = "https://json-schema.org/draft/2020-12/schema"
WHOLE = ("model", "experiment", "sweep")  # groups whose files may set any option: `# @package _global_`
TYPES = {int: "integer", float: "number", bool: "boolean", str: "string"}
INTERPOLATION = {"type": "string", "pattern": r"^(\$\{.*\}|\?\?\?)$"}  # ${scale}, or ??? for a value that is needed
HYDRA = {
    "defaults": {"type": "array", "description": "Hydra's list of the files that this one builds on"},
    "hydra": {"type": "object", "description": "Hydra's own configuration"},
}


def json_schema() -> dict[str, Any]:
    """Returns the schema. A file of conf/ is one of its $defs: train.yaml, evaluate.yaml, or a choice of a group."""
    groups = {group: {"$ref": "#/$defs/train"} for group in groups_of_options() if group in WHOLE}
    programs = {program: _root(program) for program in SCHEMAS}
    sections = {name: part for root in programs.values() for name, part in root["properties"].items()}
    for group in groups_of_options():
        if group not in WHOLE:
            groups[group] = _with_hydra(sections[group])
    groups["model_base"] = _with_hydra(sections["model"])
    return {
        "$schema": DRAFT,
        "title": "Configuration of srlab",
        "$comment": "Generated from src/srlab/config/schema.py and conf/ by: python tools/write_option_docs.py",
        "anyOf": [{"$ref": f"#/$defs/{name}"} for name in (*programs, *groups)],
        "$defs": {**programs, **groups},
    }


def _root(program: str) -> dict[str, Any]:
    comments = {option.key: option.comment for section in sections_of(program) for option in section.options}
    if program != "train":  # what a model's yaml sets, whichever program composes it
        comments = {o.key: o.comment for section in sections_of("train") for o in section.options} | comments
    return _with_hydra(_of_class(SCHEMAS[program], "", comments))


def _with_hydra(part: dict[str, Any]) -> dict[str, Any]:
    return {**part, "properties": {**HYDRA, **part.get("properties", {})}}


def _of_class(schema: type, prefix: str, comments: dict[str, str]) -> dict[str, Any]:
    properties = {}
    for name, kind in field_types(schema).items():
        key = prefix + name
        part = _of_type(ModelConfig if name == "model" else kind, key, comments)
        properties[name] = {**part, **({"description": comments[key]} if comments.get(key) else {})}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _of_type(kind: Any, key: str, comments: dict[str, str]) -> dict[str, Any]:
    kind, nullable = without_none(kind)
    if isinstance(kind, type) and is_dataclass(kind):
        return _of_class(kind, f"{key}.", comments)
    if kind is Any:
        return {}
    if key == "loss":
        terms = {name.removeprefix("loss."): text for name, text in comments.items() if name.startswith("loss.")}
        properties = {term: {"type": "object", "description": text} for term, text in terms.items()}
        return {"type": "object", "properties": properties, "additionalProperties": False}
    origin = typing.get_origin(kind)
    if origin is dict:
        part: dict[str, Any] = {"type": "object"}
    elif origin is list:
        part = {"type": "array", "items": _of_type(typing.get_args(kind)[0], "", comments)}
    else:
        part = {"type": TYPES[kind]}
    number = part["items"] if origin is list else part
    if key in AT_LEAST:
        number["minimum"] = AT_LEAST[key]
    if key in AT_MOST:
        number["maximum"] = AT_MOST[key]
    if key in BELOW:
        number["exclusiveMaximum"] = BELOW[key]
    if kind is str:
        return {"type": ["string", "null"]} if nullable else part
    return {"anyOf": [part, INTERPOLATION, *([{"type": "null"}] if nullable else [])]} if key else part
