"""The HTML of the study: the page on which raters rate, and the page for a link that leads nowhere."""

from collections.abc import Sequence
from html import escape
from importlib.resources import files
from string import Template


def asset(name: str) -> str:
    """Returns the text of a file in assets/, such as page.css."""
    return (files("srlab.mos") / "assets" / name).read_text(encoding="utf-8")


def rating_page(assets: str, scripts: Sequence[str]) -> str:
    """Returns the HTML of the page on which raters rate.

    Args:
        assets: the folder of page.css and the scripts, relative to the page.
        scripts: names of the scripts, in the order in which they run.
    """
    tags = "\n".join(f'<script src="{assets}/{script}" defer></script>' for script in scripts)
    return Template(asset("page.html")).substitute(assets=assets, scripts=tags)


def refusal_page(path: str, reason: str) -> str:
    """Returns the HTML that a person sees instead of the study, and that says what to do.

    Args:
        path: of the address that was opened, such as /r/TOKEN; page.css is linked relative to it.
        reason: one sentence.
    """
    up = "../" * max(path.count("/") - 1, 0)
    return Template(asset("refusal.html")).substitute(assets=f"{up}assets", reason=escape(reason))
