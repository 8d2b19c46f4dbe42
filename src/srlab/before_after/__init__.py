"""What pages share that compare two images in a frame: colours, the divider, and how a pointer moves them."""

from importlib.resources import files

STYLE, SCRIPT = "compare.css", "compare.js"


def asset(name: str) -> str:
    """Returns the text of a file in assets/. A page has STYLE before its own style, and SCRIPT before its own scripts.

    Args:
        name: STYLE or SCRIPT.
    """
    return (files("srlab.before_after") / "assets" / name).read_text(encoding="utf-8")
