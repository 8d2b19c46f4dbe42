"""What documents name is there."""

import re

import pytest
from helpers import ROOT

DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
PATH = re.compile(r"(?<![\w./-])(?:src/srlab|tests|tools|benchmarks|conf|docs|deploy)/[\w./-]*\w")
STANDS_FOR = re.compile(r"[A-Z]{4}")  # conf/model/FOLDER/NAME.yaml


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_files_that_it_names(document):
    named = set(PATH.findall(document.read_text(encoding="utf-8")))
    assert [path for path in sorted(named) if not STANDS_FOR.search(path) and not (ROOT / path).exists()] == []


def test_there_are_documents_that_name_files():
    assert sum(len(PATH.findall(path.read_text(encoding="utf-8"))) for path in DOCUMENTS) > 50
