"""Text files say their encoding and, when written, their line ends: the same bytes under every locale and system."""

import ast

import pytest
from helpers import ROOT

FILES = sorted(path for folder in ("src", "tools", "benchmarks") for path in (ROOT / folder).rglob("*.py"))
TEXT = ("read_text", "write_text")


def unsaid(call: ast.Call) -> str | None:
    """What a call that opens a text file does not say; None where it says all, or opens no text."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    owner = call.func.value.id if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name) else ""
    said = {keyword.arg for keyword in call.keywords}
    if isinstance(call.func, ast.Attribute) and name in TEXT:
        needed = {"encoding"} | ({"newline"} if name == "write_text" else set())
    elif name == "open" and owner not in (
        "Image",
        "member",
        "os",
        "tarfile",
        "webbrowser",
        "zipped",
    ):  # other methods of that name
        place = 1 if isinstance(call.func, ast.Name) else 0
        mode = [*(a for a in call.args[place:]), *(k.value for k in call.keywords if k.arg == "mode")][:1]
        text = mode[0].value if mode and isinstance(mode[0], ast.Constant) else "r"
        if not isinstance(text, str) or "b" in text or not set(text) <= set("rwax+t"):
            return None
        needed = {"encoding"} | ({"newline"} if set(text) & set("wax+") else set())
    else:
        return None
    return ", ".join(sorted(needed - said)) or None


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_encoding_and_line_ends_are_said(path):
    calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    assert [f"line {call.lineno}: {what}" for call in calls if (what := unsaid(call))] == []


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("open('a')", "encoding"),
        ("open('a', 'w', encoding='utf-8')", "newline"),
        ("path.open()", "encoding"),
        ("path.open('rb')", None),
        ("path.read_text()", "encoding"),
        ("path.write_text('a', encoding='utf-8')", "newline"),
        ("path.write_text('a', encoding='utf-8', newline='')", None),
        ("Image.open(path)", None),
    ],
)
def test_what_is_looked_for(code, what):
    assert unsaid(ast.parse(code).body[0].value) == what
