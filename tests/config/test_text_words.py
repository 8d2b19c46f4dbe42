"""Options that take texts get what was typed."""

import shlex
import subprocess
import sys

import pytest
from helpers import ROOT
from hydra.core.override_parser.overrides_parser import OverridesParser
from programs import environment

from srlab.config.check_overrides import check_overrides, parse_override
from srlab.config.compose import compose
from srlab.config.parse import parse
from srlab.config.schema import EvaluateConfig, TrainConfig
from srlab.config.text_words import with_text
from srlab.errors import SrlabError
from srlab.sweeps.forgotten_flag import not_asked

TEXTS = [
    "2024_11_1", "1.10", "1e3", "true", "NULL", "inf", "-1", "0x10", "a b", "Größe (neu)", "a&b", "a=b", "it's", 'a"b',
    "{name}_x{scale}", "a:b", "back\\", "a\\'b", "~", "#1", "50%", "!", "[/b]", "日本", "a@b",
]  # fmt: skip


def read(word: str, schema: type = TrainConfig):
    return OverridesParser.create().parse_override(with_text(word, schema)).value()


@pytest.mark.parametrize("text", TEXTS)
def test_a_name_is_what_was_typed(text):
    assert read(f"name={text}") == text
    if "[" not in text:
        assert read(f"ckpt=[./{text},second one]", EvaluateConfig) == [f"./{text}", "second one"]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("name=null", "name=null"),
        ("name='1.10'", "name='1.10'"),
        ("name=", "name="),
        ("seed=1_0", "seed=1_0"),
        ("scale=[2,3]", "scale=[2,3]"),
        ("trainer.devices=2", "trainer.devices=2"),
        ("model.network.features=64", "model.network.features=64"),
        ("model=edsr,rcan", "model=edsr,rcan"),
        ("name=choice(a,b)", "name=choice(a,b)"),
        ("init_from=${name}", "init_from=${name}"),
        ("sets=[set5],[set14]", "sets=[set5],[set14]"),
        ("name=a,1.10", "name=a,'1.10'"),
        ("pretrain.data.train=[2024]", "pretrain.data.train=['2024']"),
        ("weights.vgg19=1.10", "weights.vgg19='1.10'"),
        ("+name=1", "+name='1'"),
        ("ckpt=[a (1).ckpt,'b, c']", "ckpt=['a (1).ckpt','b, c']"),
        ("-m", "-m"),
    ],
)
def test_only_what_hydra_would_read_otherwise_is_quoted(word, expected):
    schema = EvaluateConfig if word.startswith("ckpt") else TrainConfig
    assert with_text(word, schema) == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("out=~/results", "{home}/results"),
        ("ckpt=[~/a.ckpt,'~/b, c.ckpt',d~e]", ["{home}/a.ckpt", "~/b, c.ckpt", "d~e"]),
        ("weights=~/edsr (1).pt", "{home}/edsr (1).pt"),
        ("data.root=~", "{home}"),
        ("sets=[set5,~/photos]", ["set5", "{home}/photos"]),
        ("model.name=~/x", "~/x"),
    ],
)
def test_the_home_folder(word, expected, monkeypatch):
    monkeypatch.setenv("HOME", "/home/of me")
    found = read(word, EvaluateConfig)
    in_full = [text.format(home="/home/of me") for text in ([expected] if isinstance(expected, str) else expected)]
    assert found == (in_full[0] if isinstance(expected, str) else in_full)


def test_the_home_folder_in_a_yaml(monkeypatch):
    """Where the words are not read: what a yaml says, and what stands in quotes."""
    monkeypatch.setenv("HOME", "/home/me")
    config = parse(compose("evaluate", ["out='~/x'", "ckpt=['~/a','b']", "weights.network='~/w'"]), EvaluateConfig)
    assert (config.out, config.ckpt, config.weights.network) == ("/home/me/x", ["/home/me/a", "b"], "/home/me/w")


def test_two_names_that_are_one_number_are_two_runs(tmp_path):
    """A real process: 2024_11_1 is the number 2024111 to Hydra, and would overwrite that run."""
    words = [sys.executable, "train.py", "name=2024_11_1", f"runs={tmp_path}/1.10", "--cfg", "job"]
    done = subprocess.run(words, cwd=ROOT, env=environment(), capture_output=True, text=True, check=True)
    assert "name: '2024_11_1'" in done.stdout.splitlines()


@pytest.mark.parametrize("word", ["data.train=Größe (neu),b&w", "ckpt=a (1).ckpt,it's.ckpt", "scale=2,4", "sets=a,b"])
def test_what_the_error_for_several_values_advises_can_be_said(word):
    """The advice is for a shell, so a shell's rules take it apart."""
    schema = EvaluateConfig if word.startswith("ckpt") else TrainConfig
    text = str(not_asked(with_text(word, schema), schema))
    advised = shlex.split(text.partition(", or ")[2].removesuffix(" for one job with all of them."))
    assert len(advised) == 1
    advised_word = with_text(advised[0], schema)
    check_overrides([advised_word], schema)
    assert [str(value) for value in parse_override(advised_word).value()] == word.partition("=")[2].split(",")


def test_what_the_error_for_a_word_that_cannot_be_read_advises_can_be_said():
    with pytest.raises(SrlabError) as error:
        parse_override("scale=a=b")
    advised = shlex.split(str(error.value).partition("need quoting: ")[2])
    assert parse_override(advised[0]).value() == "a=b"
