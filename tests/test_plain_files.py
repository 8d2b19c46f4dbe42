"""JSON and YAML of strangers, and what a schema says of their content."""

import json

import pytest
import yaml
from omegaconf import OmegaConf

from srlab.config.compose import compose
from srlab.errors import SrlabError
from srlab.plain_files import LARGEST, read_plain_json, read_plain_yaml
from srlab.plain_schema import check, dict_of, integer, list_of, number, optional, plain, record, text


def test_a_configuration_reads_as_omegaconf_reads_it(tmp_path):
    written = OmegaConf.to_yaml(compose("train", ["model=srgan", "optimizer.learning_rate=1e-4"]), resolve=True)
    (tmp_path / "a.yaml").write_text(written + "e: 1e-5\ndate: 2024-11-01\n", encoding="utf-8")
    assert read_plain_yaml(tmp_path / "a.yaml", "") == OmegaConf.to_container(OmegaConf.load(tmp_path / "a.yaml"))


@pytest.mark.parametrize(
    "content",
    [
        b"a: [1",
        b"\xff\xfe",
        b"a: \0",
        b"a: !!python/name:os.system",
        b"[" * 5000,
        b"a: &x 1\nb: *x",
        b"{[]: 1}: 2",
    ],
)
def test_what_is_no_yaml_is_one_line(tmp_path, content):
    (tmp_path / "a.yaml").write_bytes(content)
    with pytest.raises(SrlabError, match=r"a\.yaml: (cannot be read|damaged).*Get it again") as error:
        read_plain_yaml(tmp_path / "a.yaml", "Get it again.")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "content", [b"{", b"", b"\0", b"NaN", b"\xff", b"[" * 100_000, b"9" * 5000, b'{"a": Infinity}']
)
def test_what_is_no_json_is_one_line(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(SrlabError, match=r"a\.json: damaged.*Get it again") as error:
        read_plain_json(tmp_path / "a.json", "Get it again.")
    assert "\n" not in str(error.value)


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    with (tmp_path / "a.json").open("wb") as file:
        file.truncate(LARGEST + 1)
    message = r"a\.json: 268,435,457 bytes; expected at most 268,435,456\. Get it again\.$"
    with pytest.raises(SrlabError, match=message):
        read_plain_json(tmp_path / "a.json", "Get it again.")


def test_what_cannot_be_read_at_all(tmp_path):
    (tmp_path / "a.yaml").mkdir()
    for name in ("a.yaml", "b.yaml"):
        with pytest.raises(SrlabError, match=rf"{name}: cannot be read \([A-Z][a-z ]+\)\. Get it again\.$"):
            read_plain_yaml(tmp_path / name, "Get it again.")


def test_a_byte_order_mark_is_none_of_the_content(tmp_path):
    (tmp_path / "a.json").write_bytes(b"\xef\xbb\xbf" + json.dumps({"é": 1}, ensure_ascii=False).encode())
    (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbf" + yaml.safe_dump({"é": 1}).encode())
    assert read_plain_json(tmp_path / "a.json", "") == read_plain_yaml(tmp_path / "a.yaml", "") == {"é": 1}


KIND = record(
    {"name": text("[a-z]+", "small letters"), "sizes": list_of(integer(1, 9), least=1)},
    {"by": dict_of(optional(number)), "more": plain},
)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({}, None),
        ({"by": {"x": None, "y": 1.5}, "more": {"a": [1, "b", {"c": None}]}, "unknown": 1}, None),
        ({"name": "A"}, "name is 'A'; expected small letters"),
        ({"name": None}, "name is None; expected small letters"),
        ({"sizes": []}, "sizes is a list of 0; expected a list of values, at least 1"),
        ({"sizes": [1, True]}, "sizes.1 is True; expected an integer of at least 1, at most 9"),
        ({"sizes": [10**400]}, "sizes.0 is an integer beyond 64 bits"),
        ({"by": {"x": float("nan")}}, "by.x is nan; expected a finite number"),
        ({"by": {1: 1}}, "by.a key is 1; expected text"),
        ({"by": {"\ud800": 1}}, r"by.a key is '\\ud800'; expected text"),
        ({"more": {"a": object()}}, "more is a object; expected plain values"),
    ],
)
def test_a_schema_names_the_key(change, message):
    value = {"name": "a", "sizes": [1], **change}
    if message is None:
        check(value, KIND, "file", "Advice.")
        return
    with pytest.raises(SrlabError, match=rf"^file: {message}.* Advice\.$"):
        check(value, KIND, "file", "Advice.")


def test_a_missing_key_is_said():
    with pytest.raises(SrlabError, match=r"^f: sizes is missing; expected a list of values"):
        check({"name": "a"}, KIND, "f", "")
