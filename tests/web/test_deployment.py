"""The container and the Space, as far as they can be checked without building them."""

import json
import re

import yaml
from helpers import ROOT

from srlab.commands.web import TOOL
from srlab.extras import EXTRAS

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
SPACE = (ROOT / "deploy" / "huggingface-space" / "README.md").read_text(encoding="utf-8")


def test_what_is_copied_is_there_and_not_ignored():
    copied = [word for line in re.findall(r"^COPY (.*) \S+$", DOCKERFILE, re.MULTILINE) for word in line.split()]
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert len(copied) > 4 and all((ROOT / name).exists() for name in copied) and not set(copied) & set(ignored)


def test_the_commands_are_understood():
    for text in (DOCKERFILE, SPACE):
        program, command, *words = json.loads(re.findall(r"^ *CMD (\[.*\])$", text, re.MULTILINE)[-1])
        assert (program, command) == ("srlab", "web")
        values = TOOL.values(words)
        assert values["host"] == "0.0.0.0" and f"EXPOSE {values['port']}" in DOCKERFILE
    assert set(re.search(r"'\.\[(.*)\]'", DOCKERFILE)[1].split(",")) <= EXTRAS.keys()


def test_the_header_of_the_space():
    header = yaml.safe_load(SPACE.split("---")[1])
    assert header["sdk"] == "docker" and f"port={header['app_port']}" in DOCKERFILE
    assert len(header["short_description"]) <= 60  # as Hugging Face demands
